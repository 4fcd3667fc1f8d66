//! The chat view in a real terminal: `tmux` presses the keys and shows what is seen.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::node::{pause, until};
use crate::refused;

#[path = "../../src/bin/mesh-live/tui/terminal.rs"]
mod terminal;

/// Whether there is no `tmux`, which is said.
fn is_missing() -> bool {
    let Err(error) = Command::new("tmux").arg("-V").output() else { return false };
    // Where every change is judged, a guard that is not there is a failure.
    assert!(std::env::var_os("CI").is_none(), "tmux cannot be started: {error}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: tmux cannot be started ({error}); install Debian's package tmux");
    true
}

/// Terminals of one test, each with a program in it.
struct Tmux<'a> {
    home: &'a Path,
}

impl<'a> Tmux<'a> {
    fn new(home: &'a Path) -> Self {
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.home.join("tmux")).args(["-f", "/dev/null"]).args(arguments);
        command.current_dir(self.home).env("HOME", self.home).env("TERM", "xterm-256color");
        for name in ["TMUX", "XDG_CONFIG_HOME", "RUST_LOG", "NO_COLOR", "COLORTERM"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Opens a terminal, runs `program` in it, and says how it ended and whether the terminal is as it was.
    fn open(&self, name: &str, program: &str) {
        let script = format!("stty -a > {name}.before; {program}; echo \"ended with $?\"; stty -a > {name}.after; sleep 600");
        self.run(&["new-session", "-d", "-s", name, "-x", "100", "-y", "28", "sh", "-c", &script]);
    }

    fn open_chat(&self, name: &str, environment: &str) {
        let program = assert_cmd::cargo::cargo_bin!("mesh-live").display().to_string();
        self.open(name, &format!("{environment} '{program}' tui --data-dir {name} --bind 127.0.0.1 --port 0 --no-lan"));
    }

    fn keys(&self, name: &str, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", name][..], keys].concat());
    }

    fn write(&self, name: &str, text: &str) {
        self.run(&["send-keys", "-t", name, "-l", text]);
    }

    fn screen(&self, name: &str) -> String {
        self.run(&["capture-pane", "-p", "-t", name])
    }

    /// Waits until this is seen, and returns all that is.
    fn sees(&self, name: &str, what: &str) -> String {
        self.waits(name, what, |screen| screen.contains(what))
    }

    fn waits(&self, name: &str, what: &str, mut is_so: impl FnMut(&str) -> bool) -> String {
        let mut screen = String::new();
        until(&format!("{name} sees {what:?}"), || {
            let before = std::mem::replace(&mut screen, self.screen(name));
            if screen != before && std::env::var_os("MURMURATION_SCREENS").is_some() {
                let _ = writeln!(std::io::stderr(), "{name}:\n{screen}");
            }
            is_so(&screen)
        });
        screen
    }

    /// Answers the questions of a first start; returns the key that was shown.
    fn answers(&self, name: &str, seed: &str) -> String {
        let is_key = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A screen may be looked at while it is half drawn.
        let welcome = self.waits(name, "a key", |screen| {
            screen.contains("Welcome to Murmuration") && screen.split_whitespace().any(|word| is_key(&word))
        });
        let key = welcome.split_whitespace().find(is_key).unwrap_or_else(|| panic!("no key in\n{welcome}")).to_owned();
        self.keys(name, &["Enter"]);
        self.sees(name, "What shall others call you?");
        self.write(name, name);
        self.keys(name, &["Enter"]);
        self.sees(name, "Whom shall be asked first");
        self.write(name, seed);
        self.keys(name, &["Enter"]);
        self.sees(name, "F1 help");
        key
    }

    /// Where this one listens, as it is shown to its owner.
    fn address(&self, name: &str) -> String {
        self.keys(name, &["F4"]);
        // All of it: what follows the port has been drawn too.
        let address = |screen: &str| {
            let words = screen.split_once("listens at")?.1.split_inclusive([' ', ',']);
            words.filter(|word| word.starts_with("127.0.0.1:")).find_map(|word| word.strip_suffix([' ', ','])).map(str::to_owned)
        };
        let shown = self.waits(name, "an address", |screen| address(screen).is_some());
        self.keys(name, &["Escape"]);
        self.waits(name, "no popup", |screen| !screen.contains("listens at"));
        address(&shown).unwrap_or_else(|| panic!("no address in\n{shown}"))
    }

    fn invites(&self, name: &str, key: &str) {
        self.keys(name, &["F2"]);
        self.sees(name, "Invite somebody");
        self.write(name, key);
        self.keys(name, &["Enter"]);
    }

    /// It has ended well, and the terminal is as it was before.
    fn has_ended(&self, name: &str) {
        self.sees(name, "ended with 0");
        assert_eq!(self.run(&["display-message", "-p", "-t", name, "#{alternate_on}#{mouse_any_flag}#{cursor_flag}"]).trim(), "001");
        let settings = |when: &str| fs::read_to_string(self.home.join(format!("{name}.{when}"))).unwrap_or_default();
        until("the settings of the terminal are written", || settings("after").contains("isig"));
        // The first line holds its size, which the test may have changed.
        let modes = |when: &str| settings(when).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(modes("before"), modes("after"));
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.home.join("tmux")).arg("kill-server").output();
    }
}

#[test]
fn four_persons_meet_talk_and_part() {
    if is_missing() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tmux = Tmux::new(home.path());
    tmux.open_chat("alice", "");
    tmux.answers("alice", "");
    let seed = tmux.address("alice");

    // Nobody has invited Bob: he is told so, and what to do.
    tmux.open_chat("bob", "");
    let bob = tmux.answers("bob", &seed);
    tmux.sees("bob", "Not invited yet");
    tmux.sees("bob", "Nobody has invited you yet");

    // A key that is none is refused where it is written.
    tmux.invites("alice", "not-a-key");
    tmux.sees("alice", "A key has 64 hex digits");
    tmux.keys("alice", &["C-u"]);
    tmux.write("alice", &bob);
    tmux.keys("alice", &["Enter"]);
    tmux.sees("bob", "Connected over");
    let founder = tmux.sees("alice", "● bob");
    assert!(founder.contains("you founded this network") && !founder.contains("Nobody has invited you"), "{founder}");

    tmux.write("alice", "hello bob");
    tmux.keys("alice", &["Enter"]);
    tmux.sees("bob", "alice │ hello bob");
    tmux.write("bob", "hello yourself");
    tmux.keys("bob", &["Enter"]);
    tmux.sees("alice", "bob │ hello yourself");
    tmux.waits("alice", "that both have it", |screen| screen.lines().any(|line| line.contains("│ hello bob") && line.contains(" 2/2")));

    // Any member invites, and any member is a seed.
    tmux.open_chat("carol", "");
    let carol = tmux.answers("carol", &tmux.address("bob"));
    tmux.sees("carol", "Not invited yet");
    tmux.invites("bob", &carol);
    tmux.sees("carol", "Connected over");
    tmux.open_chat("dave", "");
    let dave = tmux.answers("dave", &seed);
    tmux.invites("carol", &dave);
    tmux.sees("dave", "Connected over");
    tmux.write("dave", "/dm car");
    tmux.keys("dave", &["Tab"]);
    tmux.write("dave", "between us");
    tmux.keys("dave", &["Enter"]);
    tmux.sees("carol", "dave │ to you: between us");
    tmux.keys("dave", &["F3"]);
    tmux.waits("dave", "members with round-trip times", |screen| {
        ["Members: 3 besides you", "invited by", "alice", " ms  "].iter().all(|part| screen.contains(part))
    });
    tmux.keys("dave", &["Escape"]);

    // Who was removed is told, and is gone everywhere.
    tmux.write("alice", &format!("/revoke {bob}"));
    tmux.keys("alice", &["Enter"]);
    tmux.sees("bob", "Revoked");
    for other in ["alice", "carol", "dave"] {
        tmux.waits(other, "no bob among the members", |screen| !screen.contains("● bob") && !screen.contains("◐ bob"));
    }
    tmux.write("carol", "without him");
    tmux.keys("carol", &["Enter"]);
    tmux.sees("alice", "carol │ without him");
    assert!(!tmux.screen("bob").contains("without him"));
    assert!(!tmux.screen("bob").contains("between us") && !tmux.screen("alice").contains("between us"));

    tmux.keys("alice", &["C-c"]);
    tmux.has_ended("alice");
    tmux.sees("carol", "alice is away");
    for (name, last) in [("bob", "/quit"), ("carol", "/quit"), ("dave", "/quit")] {
        tmux.write(name, last);
        tmux.keys(name, &["Enter"]);
        tmux.has_ended(name);
    }
    let config = fs::read_to_string(home.path().join("bob/config.toml")).unwrap();
    assert!(config.contains("nick = \"bob\"") && config.contains(&format!("seed_peers = [\"{seed}\"]")), "{config}");
    assert!(fs::read_to_string(home.path().join("bob/mesh-live.log")).unwrap().contains("node started"));
}

#[test]
fn a_second_start_asks_nothing_and_keys_of_a_plain_terminal_do() {
    if is_missing() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tmux = Tmux::new(home.path());
    fs::create_dir(home.path().join("erin")).unwrap();
    fs::write(home.path().join("erin/config.toml"), "nick = \"erin\"\n").unwrap();
    tmux.open_chat("erin", "TERM=screen NO_COLOR=1");
    let begin = tmux.sees("erin", "You are: erin [");
    assert!(begin.contains("Listening on: 127.0.0.1:"), "{begin}");
    for (key, title) in [("C-i", "Invite somebody"), ("M-m", "Members: 0"), ("C-e", "Who you are"), ("C-h", "Help"), ("M-h", "Help")] {
        tmux.keys("erin", &[key]);
        tmux.sees("erin", title);
        tmux.keys("erin", &["Escape"]);
        tmux.waits("erin", "no popup", |screen| !screen.contains('╭'));
    }
    // There Ctrl+M is Enter, and some Backspace is Ctrl+H.
    tmux.write("erin", "/mee");
    tmux.keys("erin", &["C-h", "C-m"]);
    tmux.sees("erin", "], key");
    let colours = tmux.run(&["capture-pane", "-e", "-p", "-t", "erin"]);
    let set: Vec<u16> = colours
        .split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m'))
        .flat_map(|(codes, _)| codes.split(';'))
        .filter_map(|code| code.parse().ok())
        .collect();
    // 7 is what the bars are drawn with; 39 and 49 are the terminal's own colours.
    assert!(set.contains(&7), "{colours:?}");
    assert!(!set.iter().any(|code| matches!(code, 30..=38 | 40..=48 | 90..=107)), "{set:?} in {colours:?}");

    for (columns, rows, what) in [("40", "10", "# lobby"), ("30", "8", "terminal too small"), ("3", "2", "ter"), ("120", "40", "MEMBERS")] {
        tmux.run(&["resize-window", "-t", "erin", "-x", columns, "-y", rows]);
        tmux.sees("erin", what);
    }
    // What is pasted arrives as one text, line ends and all.
    tmux.run(&["set-buffer", "two\nlines"]);
    tmux.run(&["paste-buffer", "-p", "-t", "erin"]);
    tmux.sees("erin", "two↵lines");
    tmux.keys("erin", &["C-c"]);
    tmux.has_ended("erin");
}

/// What the next test runs in a terminal.
#[test]
#[ignore = "it panics, in a terminal that another test looks at"]
fn panics_in_a_terminal() {
    let mut screen = terminal::Screen::take().unwrap();
    screen.terminal.draw(|frame| frame.render_widget("in use", frame.area())).unwrap();
    assert!(!screen.is_lost() && !screen.is_enhanced());
    pause(std::time::Duration::from_millis(500));
    panic!("on purpose");
}

#[test]
fn a_panic_gives_the_terminal_back() {
    if is_missing() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tmux = Tmux::new(home.path());
    let tests = std::env::current_exe().unwrap();
    tmux.open("panic", &format!("RUST_BACKTRACE=0 '{}' --exact tui::panics_in_a_terminal --ignored --nocapture || true", tests.display()));
    tmux.sees("panic", "on purpose");
    tmux.has_ended("panic");
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let home = tempfile::tempdir().unwrap();
    let complaint = refused(crate::mesh_live(home.path(), &["tui", "--data-dir", "a"]));
    assert!(complaint.contains("needs a terminal") && complaint.contains("mesh-live chat"), "{complaint}");
    assert!(!home.path().join("a").exists());
}
