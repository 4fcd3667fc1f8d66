//! The questions of the first start, without a terminal: keys go in, answers come out.

use murmuration::crypto::NodeId;
use murmuration::live::settings::{self, nick};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::editing::{edit, pasted};
use super::input::Input;
use super::theme::Theme;

/// Where one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The identity is shown.
    Identity,
    /// What do others call you?
    Nick,
    /// Whom do you know?
    Seed,
}

/// What comes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stay,
    Quit,
    Done(Answers),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub nick: String,
    /// Each as host:port.
    pub seeds: Vec<String>,
}

/// The questions.
pub struct Wizard {
    pub theme: Theme,
    pub id: NodeId,
    pub step: Step,
    pub nick: Input,
    pub seed: Input,
    /// What is wrong with an answer.
    pub said: Option<String>,
}

impl Wizard {
    /// Asks the owner of this identity. What flags have said already stands there as an answer.
    pub fn new(id: NodeId, nick: Option<&str>, seeds: &[String], theme: Theme) -> Self {
        let nick = Input::of(nick.unwrap_or_default());
        Self { theme, id, step: Step::Identity, nick, seed: Input::of(&seeds.join(" ")), said: None }
    }

    /// The line that is being written.
    pub fn line(&self) -> Option<&Input> {
        match self.step {
            Step::Identity => None,
            Step::Nick => Some(&self.nick),
            Step::Seed => Some(&self.seed),
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers == KeyModifiers::CONTROL => return Outcome::Quit,
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc => {
                self.said = None;
                self.step = if self.step == Step::Seed { Step::Nick } else { Step::Identity };
            }
            _ => {
                let line = match self.step {
                    Step::Identity => return Outcome::Stay,
                    Step::Nick => &mut self.nick,
                    Step::Seed => &mut self.seed,
                };
                if edit(line, key) {
                    self.said = None;
                }
            }
        }
        Outcome::Stay
    }

    pub fn on_paste(&mut self, text: &str) {
        let text = pasted(text).replace('\n', " ");
        match self.step {
            Step::Identity => {}
            Step::Nick => self.said = (!self.nick.insert(&text)).then(too_long),
            Step::Seed => self.said = (!self.seed.insert(&text)).then(too_long),
        }
    }

    fn enter(&mut self) -> Outcome {
        self.said = None;
        match self.step {
            Step::Identity => self.step = Step::Nick,
            Step::Nick => match nick(self.nick.text().trim()) {
                Ok(nick) => {
                    self.nick = Input::of(&nick);
                    self.step = Step::Seed;
                }
                Err(error) => self.said = Some(error.to_string()),
            },
            Step::Seed => {
                let words = self.seed.text().split([' ', ',']).filter(|word| !word.is_empty());
                match words.map(settings::seed_peer).collect() {
                    Ok(seeds) => return Outcome::Done(Answers { nick: self.nick.text().to_owned(), seeds }),
                    Err(error) => self.said = Some(error.to_string()),
                }
            }
        }
        Outcome::Stay
    }
}

fn too_long() -> String {
    "this is too long".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wizard() -> Wizard {
        Wizard::new(NodeId([0xab; 32]), None, &[], Theme::of(|_| None))
    }

    fn press(wizard: &mut Wizard, keys: &str) -> Outcome {
        let mut last = Outcome::Stay;
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                c => KeyCode::Char(c),
            };
            last = wizard.on_key(code.into());
        }
        last
    }

    #[test]
    fn three_answers_are_enough() {
        let done = press(&mut wizard(), "\nalice\n127.0.0.1:9000 [::1]:9001\n");
        let seeds = vec!["127.0.0.1:9000".to_owned(), "[::1]:9001".to_owned()];
        assert_eq!(done, Outcome::Done(Answers { nick: "alice".into(), seeds }));
        assert_eq!(press(&mut wizard(), "\n al \n\n"), Outcome::Done(Answers { nick: "al".into(), seeds: Vec::new() }));
    }

    #[test]
    fn what_does_not_do_is_said_and_kept() {
        let mut it = wizard();
        press(&mut it, "\n\n");
        assert!(it.step == Step::Nick && it.said.as_ref().unwrap().contains("1 to 32 characters"));
        press(&mut it, &format!("{}\n", "x".repeat(33)));
        assert!(it.step == Step::Nick && it.said.is_some());
        press(&mut it, "\u{1b}");
        assert!(it.step == Step::Identity && it.said.is_none());
        it.nick = Input::of("bob");
        press(&mut it, "\n\nnowhere\n");
        assert!(it.step == Step::Seed && it.said.as_ref().unwrap().contains("has no port"));
        press(&mut it, "\u{1b}");
        assert_eq!((it.step, it.nick.text(), it.seed.text()), (Step::Nick, "bob", "nowhere"));
    }

    #[test]
    fn ctrl_c_ends_it_anywhere() {
        let mut it = wizard();
        for _ in 0..3 {
            assert_eq!(it.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Outcome::Quit);
            it.nick = Input::of("a");
            press(&mut it, "\n");
        }
    }
}
