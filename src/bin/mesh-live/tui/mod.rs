//! `mesh-live tui`: the chat in a terminal.

mod app;
mod draw;
mod editing;
mod events;
mod feed;
mod input;
mod layout;
#[cfg(test)]
mod sample;
mod session;
mod terminal;
mod theme;
mod wizard;
mod wrap;

use std::io::IsTerminal;
use std::path::Path;

use murmuration::live::MeshNode;
use murmuration::live::data_dir::{CONFIG_FILE, DataDir};
use murmuration::live::settings::write_answers;
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc::Receiver;
use tracing::level_filters::LevelFilter;

use self::terminal::Screen;
use self::theme::Theme;
use self::wizard::{Answers, Outcome, Wizard};
use crate::end::End;
use crate::id::node_id;
use crate::{log, node, run};

/// Where log lines go while the terminal is in use; in the data directory.
const LOG: &str = "mesh-live.log";
/// Events of the terminal that wait.
const WAITING: usize = 256;

pub fn tui(args: &run::Args) -> Result<(), String> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err("this needs a terminal; `mesh-live chat` does without".to_owned());
    }
    let folder = args.folder()?;
    let settings = args.settings(&folder)?;
    if !settings.mesh.chat {
        return Err("chat is switched off: leave out --no-chat, or `chat = false` in the configuration".to_owned());
    }
    let seed = args.keypair_seed()?;
    let dir = DataDir::open(&folder).map_err(|error| error.to_string())?;
    log::begin_in(&folder.join(LOG), settings.log, LevelFilter::INFO)?;
    let is_first = !args.has_own_config() && !folder.join(CONFIG_FILE).exists();
    let seed = seed.map_or_else(|| dir.identity(), Ok).map_err(|error| error.to_string())?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the node cannot start: {error}"))?;
    runtime.block_on(async {
        let mut told = End::new().map_err(|error| format!("the node cannot hear that it shall end: {error}"))?;
        let watchdog = told.clone();
        let mut end = std::pin::pin!(told.told());
        let theme = Theme::of(|name| std::env::var(name).ok());
        let mut screen = Screen::take().map_err(|error| spoilt(&error))?;
        let mut inputs = read_terminal()?;
        let mut settings = settings;
        if is_first {
            let wizard = Wizard::new(node_id(&seed), settings.mesh.nick.as_deref(), &settings.mesh.seeds, theme);
            let answers = tokio::select! {
                () = &mut end => None,
                answers = ask(&mut screen, &mut inputs, wizard) => answers?,
            };
            let Some(answers) = answers else { return Ok(()) };
            save(&folder, &answers)?;
            // Flags have stood in the answers: they win, as they always do.
            settings = args.settings(&folder)?;
            settings.mesh.nick = Some(answers.nick);
            settings.mesh.seeds = answers.seeds;
        }
        let config = run::config(&settings, Some(seed), &dir).map_err(|error| error.to_string())?;
        let node = MeshNode::start(config.clone()).await.map_err(|error| error.to_string())?;
        tracing::info!(node_id = ?node.id(), listening = %node.local_addr(), address = %node.address(), "node started");
        // Before anything is asked of it: its first tick has much to tell.
        let told = node.subscribe();
        watchdog.watch(node.clone());
        let begin = node::start_lines(&config, &node).await;
        let ended = tokio::select! {
            () = &mut end => Ok(()),
            () = node::keep_peers(&node, &dir) => Err("the node has stopped; its log says why".to_owned()),
            ended = session::run(&mut screen, &mut inputs, (&node, told), &begin, theme) => ended,
        };
        // The terminal is the user's again while others are told.
        drop(screen);
        node::leave(&node, &dir).await;
        ended
    })
}

/// Asks the questions of the first start; nothing if somebody does not want to answer.
async fn ask(screen: &mut Screen, inputs: &mut Receiver<Event>, mut wizard: Wizard) -> Result<Option<Answers>, String> {
    loop {
        screen.terminal.draw(|frame| draw::wizard(&wizard, frame)).map_err(|error| spoilt(&error))?;
        let outcome = match inputs.recv().await {
            Some(Event::Key(key)) => wizard.on_key(key),
            Some(Event::Paste(text)) => {
                wizard.on_paste(&text);
                Outcome::Stay
            }
            Some(_) => Outcome::Stay,
            None => Outcome::Quit,
        };
        match outcome {
            Outcome::Stay => {}
            Outcome::Quit => return Ok(None),
            Outcome::Done(answers) => return Ok(Some(answers)),
        }
    }
}

fn save(folder: &Path, answers: &Answers) -> Result<(), String> {
    let path = write_answers(folder, &answers.nick, &answers.seeds).map_err(|error| error.to_string())?;
    tracing::info!(file = %path.display(), "the answers of the first start were written");
    Ok(())
}

/// What comes from the terminal, read by a thread of its own. It ends with the process, or when the terminal is gone.
#[expect(clippy::disallowed_methods, reason = "the terminal is read by a call that waits")]
fn read_terminal() -> Result<Receiver<Event>, String> {
    let (sender, receiver) = tokio::sync::mpsc::channel(WAITING);
    let read = move || {
        while let Ok(event) = ratatui::crossterm::event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("terminal".into()).spawn(read).map_err(|error| spoilt(&error))?;
    Ok(receiver)
}

fn spoilt(error: &std::io::Error) -> String {
    format!("the terminal cannot be used: {error}")
}
