//! What is seen.

use murmuration::live::chat::{Presence, Status};
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use crate::tui::app::LOBBY;
use crate::tui::feed::Kind;
use crate::tui::sample::{ALICE, BOB, CAROL, app, drawn, member, press, screen, text, theme, topic, view};
use crate::tui::wizard::{Step, Wizard};

/// The first line that holds this.
fn line<'a>(screen: &'a str, part: &str) -> &'a str {
    screen.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part:?} is not in\n{screen}"))
}

#[test]
fn a_text_has_time_author_and_delivery() {
    let mut app = app(80, 24);
    let mut second = text(BOB, 2, LOBBY, "only for you");
    second.to = Some(ALICE);
    (second.delivered, second.readers) = (2, 2);
    let mut third = text(ALICE, 3, LOBBY, "only for her");
    third.to = Some(CAROL);
    app.on_texts(vec![text(BOB, 1, LOBBY, "hello"), second, third, text(BOB, 4, "nests", "elsewhere")]);
    app.tell(Kind::Error, "that went wrong");
    let shown = screen(&app, 80, 24);
    assert!(line(&shown, "hello").trim_start().starts_with("14:04   bob │ hello"), "{shown}");
    assert!(line(&shown, "hello").contains(" 2/4 "), "{shown}");
    assert!(line(&shown, "bob │ to you: only for you").contains(" 2/2 "), "{shown}");
    assert!(shown.contains("alice │ to carol: only for her"), "{shown}");
    assert!(line(&shown, "went wrong").contains("error │ that went wrong"), "{shown}");
    assert!(shown.contains("Sat 21 Nov 2026, UTC") && !shown.contains("elsewhere"), "{shown}");
}

#[test]
fn the_frame_says_where_who_and_how() {
    let app = app(100, 24);
    let shown = screen(&app, 100, 24);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].contains("# lobby  you and 3 others") && lines[0].ends_with("alice [a1a1a1a1] in birds"), "{shown}");
    assert!(lines[23].starts_with(" ● Connected over 2 links") && lines[23].ends_with("F1 help  F2 invite  F3 members  F4 me"), "{shown}");
    assert!(shown.contains("Nothing was said in lobby yet."), "{shown}");
    assert!(shown.contains("▸ lobby") && shown.contains("  nests") && !shown.contains("owls"), "{shown}");
    assert!(line(&shown, "MEMBERS").ends_with("1 of 3 here"), "{shown}");
    for (sign, state) in [("● alice", "you"), ("● bob", "12 ms"), ("◐ carol", "silent"), ("○ dave", "away")] {
        assert!(line(&shown, sign).ends_with(state), "{shown}");
    }
}

#[test]
fn the_lowest_line_says_why_there_is_no_connection() {
    let status = |status, columns| {
        let mut view = view();
        view.status = status;
        let mut app = app(columns, 24);
        app.on_view(view);
        screen(&app, columns, 24).lines().last().unwrap().to_owned()
    };
    let key = "a1".repeat(32);
    assert!(status(Status::NotInvited, 140).contains(&format!("Not invited yet: ask a member to /invite {key}")));
    assert!(status(Status::NotInvited, 90).contains("ask a member to /invite your key (F4 shows it)"));
    assert!(status(Status::NotInvited, 40).contains("Not invited yet: F4 shows your key"));
    assert!(status(Status::Alone, 100).contains("others join with `--seed` and your address, 192.168.7.5:9000"));
    assert!(status(Status::Searching { failures: 3, last: None }, 80).contains("nobody is reached after 3 attempts"));
    assert!(status(Status::Revoked { by: None }, 80).contains("✗ Revoked: this key was removed"));
    let by = Some("bob [b2b2b2b2]".to_owned());
    assert!(status(Status::Revoked { by }, 80).contains("✗ Revoked: you were revoked by bob [b2b2b2b2]"));
    assert!(
        status(Status::OtherAdmission { invite_only: true, settled: false }, 80)
            .contains("✗ Their network is open, this one by invitation")
    );
    assert!(status(Status::WrongNetworkKey, 100).contains("✗ Recovering... those who were reached have another network"));
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    let mut app = app(80, 24);
    app.on_texts(vec![text(BOB, 1, LOBBY, "\u{1b}]0;owned\u{7}\u{1b}[2J \u{202e}live\u{200b}"), text(BOB, 2, LOBBY, &"x".repeat(200))]);
    let mut hostile = view();
    hostile.members[0].nick = Some("b\u{1b}[31m\u{202e}ob".to_owned());
    hostile.topics.push(topic("a\u{7}b", true, 0));
    app.on_view(hostile);
    let shown = screen(&app, 80, 24);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{200b}' | '\u{202e}')), "{shown}");
    assert!(shown.contains("␛]0;owned␇␛[2J �live�") && shown.contains("a␇b") && shown.contains("b␛(… [b2b2b2b2]"), "{shown}");
    assert!(shown.matches("xxxxxxxxxx").count() > 10, "{shown}");
}

#[test]
fn two_of_one_name_are_told_apart() {
    let mut twins = view();
    twins.members[1].nick = Some("bob".to_owned());
    let mut app = app(80, 24);
    app.on_view(twins);
    let shown = screen(&app, 80, 24);
    assert!(shown.contains("bob [b2b2b2b2]") && shown.contains("bob [c3c3c3c3]"), "{shown}");
}

#[test]
fn popups_show_what_they_are_for() {
    for (columns, rows) in [(100, 30), (40, 10)] {
        let shown = |key| {
            let mut app = app(columns, rows);
            press(&mut app, KeyModifiers::NONE, key);
            screen(&app, columns, rows)
        };
        assert!(shown(KeyCode::F(1)).contains("Help"));
        let invite = shown(KeyCode::F(2));
        assert!(invite.contains("Invite somebody") && invite.contains("0 of 64 digits"), "{invite}");
        let members = shown(KeyCode::F(3));
        assert!(members.contains("bob") && members.contains("online") && members.contains("12 ms"), "{members}");
        assert!(members.contains(&"b2".repeat(if columns > 40 { 32 } else { 8 })), "{members}");
        let identity = shown(KeyCode::F(4));
        assert!(identity.contains("alice") && identity.contains("a1a1a1a1a1a1a1a1"), "{identity}");
        assert!(columns == 40 || identity.contains("192.168.7.5:9000") && identity.contains("birds"), "{identity}");
    }
}

#[test]
fn a_long_list_of_members_is_scrolled() {
    let mut many = view();
    let id = |number: u8| murmuration::crypto::NodeId([number; 32]);
    many.members = (0..50).map(|number| member(id(number), &format!("m{number:02}"), Presence::Online)).collect();
    let mut app = app(80, 24);
    app.on_view(many);
    assert!(screen(&app, 80, 24).contains("more (F3)"));
    press(&mut app, KeyModifiers::NONE, KeyCode::F(3));
    assert!(!screen(&app, 80, 24).contains("m49"));
    press(&mut app, KeyModifiers::NONE, KeyCode::End);
    let shown = screen(&app, 80, 24);
    assert!(shown.contains("m49") && shown.contains(&"31".repeat(32)), "{shown}");
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    for (columns, rows) in [(39, 24), (80, 9), (1, 1), (18, 2)] {
        let shown = screen(&app(columns, rows), columns, rows);
        assert!(shown.contains(&"terminal too small"[..usize::from(columns.min(18))]), "{columns}x{rows}:\n{shown}");
    }
    let shown = screen(&app(40, 10), 40, 10);
    assert!(shown.contains("# lobby") && shown.contains("Connected over 2 links") && shown.contains("❯ Write to everybody"), "{shown}");
}

#[test]
fn the_wizard_shows_the_key_and_asks() {
    for (columns, rows) in [(80, 24), (40, 10)] {
        let mut wizard = Wizard::new(ALICE, None, &[], theme());
        let show = |wizard: &Wizard| drawn(columns, rows, |frame| crate::tui::draw::wizard(wizard, frame));
        let first = show(&wizard);
        assert!(first.contains("Welcome") && first.contains(&"a1".repeat(if columns == 80 { 32 } else { 4 })), "{first}");
        wizard.step = Step::Nick;
        wizard.said = Some("a nick has 1 to 32 characters".to_owned());
        let second = show(&wizard);
        assert!(second.contains("What shall others call you?") || columns == 40, "{second}");
        assert!(second.contains("a nick has 1 to 32 characters"), "{second}");
        wizard.step = Step::Seed;
        assert!(show(&wizard).contains("Somebody you know (3 of 3)"));
    }
}
