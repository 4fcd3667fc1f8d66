//! What keys do, and what is made of texts and pictures.

use murmuration::live::chat::{Presence, Status};
use murmuration::wire::chat::MAX_TEXT;
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::tui::sample::{ALICE, BOB, CAROL, app, member, press, screen, text, topic, view, write};

const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const NONE: KeyModifiers = KeyModifiers::NONE;

fn perform(topic: &str, line: &str) -> Vec<Effect> {
    vec![Effect::Perform { topic: topic.to_owned(), line: line.to_owned() }]
}

#[test]
fn enter_sends_what_was_written_in_the_topic_that_is_shown() {
    let mut app = app(80, 24);
    assert_eq!(write(&mut app, "hello\n"), perform(LOBBY, "hello"));
    assert!(app.input.is_empty());
    assert_eq!(write(&mut app, "  \n"), []);
    app.show_topic("nests");
    assert_eq!(write(&mut app, "/members\n"), perform("nests", "/members"));
    press(&mut app, NONE, KeyCode::Up);
    press(&mut app, NONE, KeyCode::Up);
    assert_eq!(app.input.text(), "hello");
    assert_eq!(press(&mut app, CONTROL, KeyCode::Char('c')), [Effect::Quit]);
    app.input.take();
    assert_eq!(write(&mut app, "/quit\n"), [Effect::Quit]);
}

#[test]
fn popups_open_by_each_of_their_keys_and_close_by_the_same() {
    let popups: [(&[(KeyModifiers, KeyCode)], fn() -> Popup); 4] = [
        (&[(NONE, KeyCode::F(1)), (CONTROL, KeyCode::Char('h')), (ALT, KeyCode::Char('h'))], || Popup::Help { scroll: 0 }),
        (&[(NONE, KeyCode::F(2)), (CONTROL, KeyCode::Char('i')), (ALT, KeyCode::Char('i')), (NONE, KeyCode::Tab)], Popup::invite),
        (&[(NONE, KeyCode::F(3)), (CONTROL, KeyCode::Char('m')), (ALT, KeyCode::Char('m'))], || Popup::Members { at: 0 }),
        (&[(NONE, KeyCode::F(4)), (CONTROL, KeyCode::Char('e'))], || Popup::Identity),
    ];
    for (keys, popup) in popups {
        for (modifiers, code) in keys {
            let mut app = app(80, 24);
            press(&mut app, *modifiers, *code);
            assert_eq!(app.popup, Some(popup()), "{modifiers:?} {code:?}");
            // Tab is no key of the popup's own: it only stands for Ctrl+I where nothing else is meant.
            press(&mut app, *modifiers, if *code == KeyCode::Tab { KeyCode::Esc } else { *code });
            assert_eq!(app.popup, None, "{modifiers:?} {code:?}");
        }
    }
}

#[test]
fn a_backspace_that_looks_like_ctrl_h_deletes() {
    let mut plain = app(80, 24);
    write(&mut plain, "ab");
    press(&mut plain, CONTROL, KeyCode::Char('h'));
    assert_eq!((plain.input.text(), &plain.popup), ("a", &None));
    // Where the terminal tells them apart it is what it says.
    let mut enhanced = App::new(view(), plain.address, plain.theme, (80, 24), true);
    write(&mut enhanced, "ab");
    press(&mut enhanced, CONTROL, KeyCode::Char('h'));
    assert_eq!((enhanced.input.text(), &enhanced.popup), ("ab", &Some(Popup::Help { scroll: 0 })));
}

#[test]
fn an_invitation_is_checked_where_it_is_written() {
    let mut app = app(80, 24);
    let said = |app: &App| if let Some(Popup::Invite { said: Some(said), .. }) = &app.popup { said.clone() } else { String::new() };
    write(&mut app, "\t\n");
    assert!(said(&app).contains("64 hex digits"));
    write(&mut app, "abc\n");
    assert!(said(&app).contains("this has 3 characters"));
    app.on_paste(&"x".repeat(61));
    assert_eq!(said(&app), "");
    write(&mut app, "\n");
    assert!(said(&app).contains("other characters"));
    press(&mut app, CONTROL, KeyCode::Char('u'));
    app.on_paste(&format!(" {ALICE:?}\r\n"));
    write(&mut app, "\n");
    assert!(said(&app).contains("your own key"));
    press(&mut app, CONTROL, KeyCode::Char('u'));
    app.on_paste(&format!("{CAROL:?}\n"));
    assert_eq!(write(&mut app, "\n"), perform(LOBBY, &format!("/invite {CAROL:?}")));
    assert_eq!(app.popup, None);
}

#[test]
fn tab_completes_and_goes_round() {
    let mut app = app(80, 24);
    write(&mut app, "/dm b\t");
    assert_eq!(app.input.text(), "/dm bob ");
    app.input.take();
    write(&mut app, "/m");
    let turns: Vec<String> = (0..3)
        .map(|_| {
            write(&mut app, "\t");
            app.input.text().to_owned()
        })
        .collect();
    assert_eq!(turns, ["/members", "/me", "/m"]);
    app.input.take();
    write(&mut app, "ca\t");
    assert_eq!(app.input.text(), "carol: ");
    write(&mut app, "ask Bo\t");
    assert_eq!(app.input.text(), "carol: ask bob ");
    write(&mut app, "zz\t");
    assert_eq!((app.input.text(), &app.popup), ("carol: ask bob zz", &None));
}

#[test]
fn texts_elsewhere_are_counted_until_they_are_shown() {
    let mut app = app(80, 24);
    let old = text(BOB, 1, "nests", "old");
    app.on_texts(vec![old.clone()]);
    assert_eq!(app.unread.get("nests"), None);
    let new = [text(BOB, 2, "nests", "new"), text(ALICE, 3, "nests", "own"), text(BOB, 4, LOBBY, "here")];
    app.on_texts(std::iter::once(old).chain(new).collect());
    assert_eq!(app.unread.get("nests"), Some(&1));
    press(&mut app, ALT, KeyCode::Down);
    assert_eq!((app.topic.as_str(), app.unread.get("nests")), ("nests", None));
    press(&mut app, CONTROL, KeyCode::Char('n'));
    assert_eq!(app.topic, LOBBY);
}

#[test]
fn what_is_read_stays_in_place_while_texts_come() {
    let mut app = app(80, 24);
    let texts: Vec<_> = (1..=60).map(|number| text(BOB, number, LOBBY, &format!("text {number}"))).collect();
    app.on_texts(texts[..50].to_vec());
    press(&mut app, NONE, KeyCode::PageUp);
    let shown = screen(&app, 80, 24);
    assert!(shown.contains("text 25") && !shown.contains("text 50"), "{shown}");
    app.on_texts(texts.clone());
    let still = screen(&app, 80, 24);
    assert!(still.contains("text 25") && still.contains("10 new"), "{still}");
    press(&mut app, NONE, KeyCode::Esc);
    assert!(screen(&app, 80, 24).contains("text 60"));
    press(&mut app, NONE, KeyCode::Home);
    assert!(screen(&app, 80, 24).contains("text 1 "));
    let wheel = MouseEvent { kind: MouseEventKind::ScrollDown, column: 5, row: 5, modifiers: NONE };
    let before = app.scroll;
    app.on_mouse(wheel);
    assert_eq!(app.scroll, before - 3);
}

#[test]
fn older_texts_are_asked_for_at_the_beginning() {
    let mut app = app(80, 24);
    app.on_texts((1..=app.wanted() as u64).map(|number| text(BOB, number, LOBBY, "x")).collect());
    press(&mut app, NONE, KeyCode::Home);
    assert_eq!(app.wanted(), 2 * TEXTS);
}

#[test]
fn a_topic_that_was_joined_is_shown_and_one_that_was_left_is_not() {
    let mut app = app(80, 24);
    write(&mut app, "/join-topic owls\n");
    assert_eq!(app.topic, LOBBY);
    let mut joined = view();
    joined.topics[2].subscribed = true;
    app.on_view(joined);
    assert_eq!(app.topic, "owls");
    app.on_view(view());
    assert_eq!(app.topic, LOBBY);
    write(&mut app, "/join-topic nests\n");
    assert_eq!(app.topic, "nests");
}

#[test]
fn a_click_shows_a_topic() {
    let mut app = app(80, 24);
    let down = |row| MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), column: 60, row, modifiers: NONE };
    app.on_mouse(down(3));
    assert_eq!(app.topic, "nests");
    app.on_mouse(down(2));
    assert_eq!(app.topic, LOBBY);
}

#[test]
fn a_text_that_is_too_long_stays_in_the_line() {
    let mut app = app(120, 24);
    app.on_paste(&"x".repeat(MAX_TEXT + 1));
    assert_eq!(write(&mut app, "\n"), []);
    assert_eq!(app.input.text().len(), MAX_TEXT + 1);
    assert!(screen(&app, 120, 24).contains("a text has at most 16384"));
    app.on_paste(&"y".repeat(1 << 20));
    assert!(screen(&app, 120, 24).contains("This does not fit"));
}

#[test]
fn what_is_pasted_is_sent_as_it_is() {
    let mut app = app(80, 24);
    app.on_paste("two\r\nlines\n");
    assert_eq!(write(&mut app, "\n"), perform(LOBBY, "two\nlines"));
}

#[test]
fn whoever_comes_or_goes_is_named() {
    let mut app = app(80, 24);
    let mut later = view();
    later.members[0].presence = Presence::Away;
    later.members[2].presence = Presence::Online;
    app.on_view(later.clone());
    later.members.push(member(murmuration::crypto::NodeId([0xe5; 32]), "eve", Presence::Away));
    later.topics.push(topic("x", true, 0));
    app.on_view(later.clone());
    let shown = screen(&app, 80, 24);
    assert!(shown.contains("bob is away") && shown.contains("dave is here") && !shown.contains("eve is"), "{shown}");
    for status in [Status::NotInvited, Status::Searching { failures: 1, last: None }, Status::NotInvited] {
        later.status = status;
        app.on_view(later.clone());
    }
    let shown = screen(&app, 80, 24);
    assert!(shown.matches("Nobody has invited you yet").count() == 1, "{shown}");
}

#[test]
fn a_member_is_chosen_to_be_written_to() {
    let mut app = app(80, 24);
    press(&mut app, NONE, KeyCode::F(3));
    press(&mut app, NONE, KeyCode::Down);
    press(&mut app, NONE, KeyCode::Enter);
    assert_eq!((app.input.text(), &app.popup), ("/dm carol ", &None));
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let named = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Esc,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::F(1),
        KeyCode::F(2),
        KeyCode::F(3),
        KeyCode::F(4),
        KeyCode::F(9),
        KeyCode::Insert,
        KeyCode::Null,
    ]);
    let written = prop::sample::select("abcehijklmnpquw /日👩\u{301}\u{202e}".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char);
    let modifiers = prop::sample::select(vec![NONE, NONE, NONE, CONTROL, ALT, CONTROL | ALT, KeyModifiers::SHIFT]);
    (prop_oneof![named, written], modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

#[derive(Clone, Debug)]
enum Act {
    Key(KeyEvent),
    Paste(String),
    Resize(u16, u16),
    Mouse(MouseEventKind, u16, u16),
    Texts(usize, String),
    Members(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    let mouse = prop::sample::select(vec![MouseEventKind::ScrollUp, MouseEventKind::ScrollDown, MouseEventKind::Down(MouseButton::Left)]);
    prop_oneof![
        20 => any_key().prop_map(Act::Key),
        1 => any::<String>().prop_map(Act::Paste),
        3 => (0u16..140, 0u16..50).prop_map(|(columns, rows)| Act::Resize(columns, rows)),
        2 => (mouse, 0u16..140, 0u16..50).prop_map(|(kind, column, row)| Act::Mouse(kind, column, row)),
        2 => (0usize..80, any::<String>()).prop_map(|(count, text)| Act::Texts(count, text)),
        1 => (0usize..60).prop_map(Act::Members),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_comes_in_breaks_the_view(acts in prop::collection::vec(any_act(), 0..60)) {
        let mut app = app(80, 24);
        let mut size = (80, 24);
        for act in acts {
            match act {
                Act::Key(key) => {
                    app.on_key(key);
                }
                Act::Paste(text) => app.on_paste(&text),
                Act::Resize(columns, rows) => {
                    size = (columns.max(1), rows.max(1));
                    app.on_resize(size.0, size.1);
                }
                Act::Mouse(kind, column, row) => app.on_mouse(MouseEvent { kind, column, row, modifiers: NONE }),
                Act::Texts(count, said) => {
                    app.on_texts((0..count as u64).map(|number| text(BOB, number, if number % 3 == 0 { "nests" } else { LOBBY }, &said)).collect());
                }
                Act::Members(count) => {
                    let mut view = view();
                    view.members = (0..count).map(|at| member(murmuration::crypto::NodeId([at as u8; 32]), "x", Presence::Online)).collect();
                    app.on_view(view);
                }
            }
            let shown = screen(&app, size.0, size.1);
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{}", shown);
        }
    }
}
