use std::time::Duration;

use super::command::Command;
use super::console::find;
use super::*;
use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::live::MeshEvent;
use crate::mesh::topics::TopicCounts;
use crate::wire::TopicId;
use crate::wire::chat::{EntryId, LogId};

fn ok(line: &str) -> Command {
    parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).unwrap_or_else(|| panic!("{line} is blank"))
}

fn error(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

fn member(first: [u8; 4], nick: &str) -> MemberView {
    let id = |last: u8| {
        let mut id = [7; 32];
        id[..4].copy_from_slice(&first);
        id[31] = last;
        NodeId(id)
    };
    MemberView {
        // Every other one is a key.
        id: (0..=255).map(id).find(NodeId::is_key).unwrap(),
        nick: Some(nick.to_owned()),
        presence: Presence::Online,
        round_trip: Some(Duration::from_millis(3)),
        hops: Some(1),
        sponsor: None,
    }
}

fn view(members: Vec<MemberView>) -> View {
    let topic =
        |name: &str, subscribed| TopicView { name: name.to_owned(), subscribed, others: 1, relay: false, counts: TopicCounts::default() };
    View {
        id: NodeId([1; 32]),
        nick: Some("me".to_owned()),
        listens: "127.0.0.1:9000".parse().unwrap(),
        network: "birds".to_owned(),
        status: Status::Connected { links: 2 },
        members,
        topics: vec![topic("lobby", true), topic("tech", true), topic("trees", false)],
        waiting: 0,
        locked: 0,
        unsaved: None,
    }
}

#[test]
fn lines_are_commands_or_said() {
    assert_eq!(ok("  hello  there "), Command::Say("  hello  there".into()), "it may be indented");
    assert_eq!(ok("/dm bob see you / at noon"), Command::Dm { to: "bob".into(), text: "see you / at noon".into() });
    assert_eq!(ok("/dm \"bob the great\" hi"), Command::Dm { to: "bob the great".into(), text: "hi".into() });
    let id = Identity::from_seed([7; 32], CryptoMode::Real).id();
    assert_eq!(ok(&format!("/invite {}", format!("{id:?}").to_uppercase())), Command::Invite(id));
    assert_eq!(ok("/revoke bob"), Command::Revoke("bob".into()));
    assert_eq!(ok(r#"/send tech "say \"no\" \\ twice""#), Command::Send { topic: "tech".into(), text: r#"say "no" \ twice"#.into() });
    assert_eq!(ok("/send tech no quotes"), Command::Send { topic: "tech".into(), text: "no quotes".into() });
    assert_eq!(ok("/history"), Command::History { topic: None, last: 50 });
    assert_eq!(ok("/history 5"), Command::History { topic: None, last: 5 });
    assert_eq!(ok("/history tech 7"), Command::History { topic: Some("tech".into()), last: 7 });
    assert_eq!(ok("/nick bob the great"), Command::Nick("bob the great".into()));
    assert_eq!(parse(" \t "), Ok(None));
    for (name, arguments, _) in HELP.iter().filter(|(_, arguments, _)| arguments.is_empty()) {
        ok(name);
        assert_eq!(error(&format!("{name} more")), format!("Unknown command or invalid arguments: {name} {arguments}"));
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let unknown = parse("/dance").unwrap_err();
    assert_eq!((unknown.to_string().as_str(), unknown.usage().len()), ("Unknown command or invalid arguments", HELP.len()));
    assert_eq!(error("/invite abc"), "a key has 64 hex digits, and this has 3 characters");
    assert_eq!(error(&format!("/invite {}", "g".repeat(64))), "a key has 64 hex digits, and this has other characters");
    assert_eq!(error("/dm bob"), "Unknown command or invalid arguments: /dm NICK TEXT");
    // Nobody can be those: zero, all ones, the neutral element, no point of the curve, and a point written in another way.
    for nobody in [
        "00".repeat(32),
        "ff".repeat(32),
        format!("01{}", "00".repeat(31)),
        format!("02{}", "00".repeat(31)),
        format!("{}7f", "ee".to_owned() + &"ff".repeat(30)),
    ] {
        assert!(error(&format!("/invite {nobody}")).contains("no node can have this key"), "{nobody}");
        assert!(find(&view(Vec::new()), &nobody).unwrap_err().contains("no node can have this key"), "{nobody}");
    }
    for wrong in [
        "/history 0",
        "/history -5",
        "/history tech 0",
        "/history tech ten",
        "/history 5 tech",
        "/history a b c",
        "/history 99999999999999999999",
    ] {
        assert_eq!(error(wrong), "Unknown command or invalid arguments: /history [TOPIC] [N]", "{wrong}");
    }
    for wrong in
        ["/send tech \"open", "/send tech \"a\" b", "/send tech \"a\\", "/nick", "/invite", "/revoke", "/join-topic a b", "/history a b"]
    {
        assert!(!error(wrong).contains('\n'), "{wrong}");
    }
    // What is no nick at the start is none later.
    for wrong in ["al\u{200b}ice", "alice\u{202e}", "\u{2800}", &"a".repeat(33)] {
        assert_eq!(error(&format!("/nick {wrong}")), crate::live::settings::nick(wrong).unwrap_err().to_string());
    }
    // Whatever is typed, nothing worse happens.
    for line in ["/", "//", "/dm \"", "/dm \"\\", "/send \"\" \"\"", "/history 99999999999999999999", "/é ü", "/dm é \"ü"] {
        let _ = parse(line);
    }
}

#[test]
fn members_are_named_by_nick_key_or_its_beginning() {
    let view = view(vec![member([0xaa; 4], "bob"), member([0xbb; 4], "eve"), member([0xcc; 4], "bob"), member([0xdd; 4], "bbbbbbbb")]);
    let [bob, eve, other, liar] = [0, 1, 2, 3].map(|index| view.members[index].id);
    assert_eq!(find(&view, "eve"), Ok(eve));
    assert_eq!(find(&view, "cccccccc"), Ok(other));
    assert_eq!(find(&view, "CCCCCCCC07"), Ok(other));
    assert_eq!(find(&view, &format!("{bob:?}")), Ok(bob));
    assert_eq!(find(&view, "me"), Ok(view.id));
    let two = find(&view, "bob").unwrap_err();
    assert!(two.contains("2 members are called bob") && two.contains(&format!("{bob:?}, {other:?}")), "{two}");
    // Whoever calls itself like the beginning of another's key gets nothing that is meant for that one.
    let liars = find(&view, "bbbbbbbb").unwrap_err();
    assert!(liars.contains(&format!("{eve:?}, {liar:?}")), "{liars}");
    assert_eq!(find(&view, "mallory"), Err("nobody here is called mallory; a key has 64 hex digits".into()));
    assert!(find(&view, "deadbeef").unwrap_err().contains("no member has a key that begins with deadbeef"));
}

#[test]
fn nobody_is_taken_for_another_by_its_nick() {
    let (id, text) = (|view: &View, index: usize| view.members[index].id, "hi");
    let view = view(vec![member([0xaa; 4], "bob"), member([0xbb; 4], "Bob"), member([0xcc; 4], "eve -> you"), member([0xdd; 4], "eve")]);
    let heard = |author: NodeId, nick: &str, to: Option<NodeId>| {
        let event = MeshEvent::ChatMessageReceived {
            sender_pub_key: author.0,
            nick: Some(nick.to_owned()),
            plaintext: text.as_bytes().into(),
            topic: "lobby".to_owned(),
            to,
            id: EntryId { log: LogId { topic: TopicId::of("lobby"), author, life: 1 }, sequence: 1 },
            time: 0,
        };
        news(&event, &view).unwrap().text
    };
    assert_eq!(heard(id(&view, 0), "bob", None), "[bob [aaaaaaaa]] hi");
    assert_eq!(heard(id(&view, 1), "Bob", None), "[Bob [bbbbbbbb]] hi");
    assert_eq!(heard(id(&view, 2), "eve -> you", None), "[eve -> you [cccccccc]] hi");
    assert_eq!(heard(id(&view, 3), "eve", Some(view.id)), "[eve -> you] hi");
    // One who is no member any more has no name of its own.
    assert_eq!(heard(NodeId([0xee; 32]), "eve", None), "[eve [eeeeeeee]] hi");
}

#[test]
fn who_speaks_for_a_revocation_is_told_with_what_it_takes() {
    let view = view(vec![member([0xaa; 4], "bob")]);
    let event = MeshEvent::RevocationProposed { id: view.members[0].id, by: view.id, said: 1, needed: 3 };
    let line = news(&event, &view).unwrap();
    assert_eq!(line.text, "1 of 3 members have spoken for the revocation of bob [aaaaaaaa], you as the last");
    assert_eq!((&line.json()["kind"], &line.json()["said"], &line.json()["needed"]), (&"revocation_proposed".into(), &1.into(), &3.into()));
}

#[test]
fn topics_are_listed_with_what_the_node_has_done_in_them() {
    let mut view = view(Vec::new());
    view.topics[1].counts = TopicCounts { published: 3, delivered: 20, redundant: 4 };
    view.topics[2].relay = true;
    let lines = lines::topics(&view);
    assert_eq!(lines[1].text, "#tech subscribed, 1 other, 3 sent, 20 received");
    assert_eq!(lines[2].text, "#trees not subscribed, passed on, 1 other, 0 sent, 0 received");
    let json = lines[1].json();
    assert_eq!([&json["published"], &json["delivered"], &json["redundant"]], [3, 20, 4]);
    assert_eq!((&json["relay"], &lines[2].json()["relay"]), (&false.into(), &true.into()));
}

#[test]
fn a_text_of_the_past_is_shown_with_its_time_and_who_has_it() {
    let view = view(vec![member([0xaa; 4], "bob")]);
    let author = view.members[0].id;
    let text = TextView {
        id: EntryId { log: LogId { topic: TopicId::of("tech"), author, life: 1 }, sequence: 1 },
        topic: "tech".to_owned(),
        author,
        nick: Some("bob".to_owned()),
        to: None,
        time: 3_660_000,
        text: "hi".to_owned(),
        delivered: 2,
        readers: 3,
    };
    let shown = |now: u64| lines::past_line(&text, &Names::of_view(&view), now).text;
    assert_eq!(shown(4_000_000), "01:01 UTC 2/3 #tech [bob] hi");
    assert_eq!(shown(DAY), "Thu 1 Jan 1970 01:01 UTC 2/3 #tech [bob] hi");
}

#[test]
fn blank_texts_are_not_said() {
    for blank in ["", " ", "\t\u{2003}\n"] {
        assert_eq!(check_text(blank.as_bytes()), Err(crate::live::SendError::Empty), "{blank:?}");
    }
    assert_eq!((check_text(b" a "), check_text(&[0xff])), (Ok(()), Ok(())));
}

#[test]
fn lines_are_completed() {
    let view = view(vec![member([0xaa; 4], "bob"), member([0xbb; 4], "Bert B"), member([0xcc; 4], "eve"), member([0xdd; 4], "eve")]);
    assert_eq!(complete("/me", &view), ["/members", "/me"]);
    assert_eq!(complete("/create", &view), ["/create-topic "]);
    assert_eq!(complete("/dm bo", &view), ["/dm bob "]);
    assert_eq!(complete("/dm ", &view), ["/dm bob ", "/dm \"Bert B\" ", "/dm cccccccc ", "/dm dddddddd "]);
    assert_eq!(complete("/dm ber", &view), ["/dm \"Bert B\" "], "a name with a blank in it, which has not begun with a quote");
    assert_eq!(complete("/send t", &view), ["/send tech "]);
    assert_eq!(complete("/join-topic ", &view), ["/join-topic trees"]);
    assert!(complete("hello b", &view).is_empty() && complete("", &view).is_empty());
}

#[test]
fn what_others_say_cannot_move_the_cursor() {
    assert_eq!(clean::shown("one\u{1b}[2Jtwo\tthree\u{202e}\r\nfour".as_bytes()), "one␛[2Jtwo    three\u{fffd}\nfour");
    assert_eq!(clean::shown(&[0xff, 0x00]), "ff00");
}
