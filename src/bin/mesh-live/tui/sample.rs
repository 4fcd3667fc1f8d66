//! Members, topics and texts for tests, and the screen as text.

use std::net::SocketAddr;
use std::time::Duration;

use murmuration::crypto::NodeId;
use murmuration::live::chat::{MemberView, Presence, Status, TextView, TopicView, View};
use murmuration::mesh::topics::TopicCounts;
use murmuration::wire::chat::{EntryId, LogId};
use murmuration::wire::topics::TopicId;
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Effect, LOBBY};
use super::draw;
use super::theme::Theme;

pub const ALICE: NodeId = NodeId([0xa1; 32]);
pub const BOB: NodeId = NodeId([0xb2; 32]);
pub const CAROL: NodeId = NodeId([0xc3; 32]);
pub const DAVE: NodeId = NodeId([0xd4; 32]);

/// 14:03 on a day in November.
const TIME: u64 = 1_795_269_780_000;

pub fn member(id: NodeId, nick: &str, presence: Presence) -> MemberView {
    let here = presence == Presence::Online;
    MemberView {
        id,
        nick: Some(nick.to_owned()),
        presence,
        round_trip: here.then_some(Duration::from_micros(12_300)),
        hops: here.then_some(1),
        sponsor: Some(ALICE),
    }
}

pub fn topic(name: &str, subscribed: bool, others: usize) -> TopicView {
    TopicView { name: name.to_owned(), subscribed, others, relay: false, counts: TopicCounts::default() }
}

/// What Alice sees.
pub fn view() -> View {
    View {
        id: ALICE,
        nick: Some("alice".to_owned()),
        listens: "0.0.0.0:9000".parse().unwrap(),
        network: "birds".to_owned(),
        status: Status::Connected { links: 2 },
        members: vec![
            member(BOB, "bob", Presence::Online),
            member(CAROL, "carol", Presence::Suspected),
            member(DAVE, "dave", Presence::Away),
        ],
        topics: vec![topic(LOBBY, true, 3), topic("nests", true, 1), topic("owls", false, 1)],
        waiting: 0,
        locked: 0,
        unsaved: None,
    }
}

/// The `number`th text of an author in a topic, a minute after the one before.
pub fn text(author: NodeId, number: u64, topic: &str, said: &str) -> TextView {
    TextView {
        id: EntryId { log: LogId { topic: TopicId::of(topic), author, life: 1 }, sequence: number },
        topic: topic.to_owned(),
        author,
        nick: Some(if author == BOB { "bob" } else { "other" }.to_owned()),
        to: None,
        time: TIME + number * 60_000,
        text: said.to_owned(),
        delivered: 2,
        readers: 4,
    }
}

/// Alice's view in a terminal of this size.
pub fn app(columns: u16, rows: u16) -> App {
    App::new(view(), address(), theme(), (columns, rows), false)
}

pub fn address() -> SocketAddr {
    "192.168.7.5:9000".parse().unwrap()
}

pub fn theme() -> Theme {
    Theme::of(|name| (name == "COLORTERM").then(|| "truecolor".to_owned()))
}

/// The screen, a line each.
pub fn drawn(columns: u16, rows: u16, draw: impl FnOnce(&mut Frame)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(draw).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y: u16| {
        let mut line = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // The second half of a wide letter is a cell of its own.
            x += u16::try_from(super::wrap::width(symbol)).unwrap().max(1);
        }
        line.trim_end().to_owned() + "\n"
    };
    (0..rows).map(row).collect()
}

pub fn screen(app: &App, columns: u16, rows: u16) -> String {
    drawn(columns, rows, |frame| draw::chat(app, frame))
}

/// Types a text, with `\n` for Enter and `\t` for Tab.
pub fn write(app: &mut App, text: &str) -> Vec<Effect> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        c => KeyCode::Char(c),
    };
    text.chars().flat_map(|c| app.on_key(code(c).into())).collect()
}

pub fn press(app: &mut App, modifiers: KeyModifiers, code: KeyCode) -> Vec<Effect> {
    app.on_key(KeyEvent::new(code, modifiers))
}
