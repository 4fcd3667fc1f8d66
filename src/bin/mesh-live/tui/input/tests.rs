//! What can be done to a line.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;

fn after(text: &str, moves: &[Move]) -> Input {
    let mut input = Input::of(text);
    moves.iter().for_each(|to| input.go(*to));
    input
}

#[test]
fn letters_are_whole() {
    let mut input = Input::of("ae\u{301}👍🏽");
    input.remove(Move::Left);
    assert_eq!(input.text(), "ae\u{301}");
    input.remove(Move::Left);
    assert_eq!((input.text(), input.before()), ("a", "a"));
    input.go(Move::Left);
    input.remove(Move::Right);
    assert!(input.is_empty());
}

#[test]
fn words_are_passed_and_removed() {
    assert_eq!(after("one two  three", &[Move::WordLeft]).before(), "one two  ");
    assert_eq!(after("one two  three", &[Move::WordLeft, Move::WordLeft]).before(), "one ");
    assert_eq!(after("one two", &[Move::Start, Move::WordRight]).before(), "one");
    let mut input = after("/dm bob hello", &[Move::WordLeft]);
    input.remove(Move::WordLeft);
    assert_eq!((input.text(), input.before()), ("/dm hello", "/dm "));
    input.remove(Move::End);
    assert_eq!(input.text(), "/dm ");
}

#[test]
fn rows_hold_the_cursor() {
    let drawn = Input::of("abcdef").draw(4);
    assert_eq!((drawn.rows, drawn.cursor), (vec!["abcd".to_owned(), "ef".to_owned()], (1, 2)));
    let drawn = Input::of("abcd").draw(4);
    assert_eq!((drawn.rows.len(), drawn.cursor), (2, (1, 0)));
    let drawn = after("a日本", &[Move::Left]).draw(4);
    assert_eq!((drawn.rows, drawn.cursor), (vec!["a日".to_owned(), "本".to_owned()], (1, 0)));
    assert_eq!(Input::of("a\nb\u{1b}c").draw(20).rows, ["a↵b␛c"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut input = Input::of("kept");
    assert!(!input.insert(&"x".repeat(MOST)));
    assert_eq!(input.text(), "kept");
}

#[test]
fn lines_come_back_in_order_and_so_does_the_draft() {
    let mut history = History::default();
    for line in ["one", "two", "two"] {
        history.remember(line);
    }
    let older = |history: &mut History, shown: &str| history.older(&Input::of(shown)).map(|input| input.text().to_owned());
    assert_eq!(older(&mut history, "draft").as_deref(), Some("two"));
    assert_eq!(older(&mut history, "two").as_deref(), Some("one"));
    assert_eq!(older(&mut history, "one"), None);
    assert_eq!(history.newer().unwrap().text(), "two");
    assert_eq!(history.newer().unwrap().text(), "draft");
    assert_eq!(history.newer(), None);
}

#[test]
fn a_word_goes_round_its_choices() {
    let mut input = Input::of("/dm b");
    let mut completion = Completion::of(&input, 4, vec!["bob ".into(), "bert ".into()]).unwrap();
    let mut turn = |back| {
        completion.turn(&mut input, back);
        input.text().to_owned()
    };
    assert_eq!([turn(false), turn(false), turn(false), turn(true)], ["/dm bob ", "/dm bert ", "/dm b", "/dm bert "]);
    assert!(Completion::of(&Input::of("/x"), 0, Vec::new()).is_none());
}

proptest! {
    #[test]
    fn the_cursor_stands_between_letters(
        steps in prop::collection::vec((0u8..10, "[a e\u{301}\u{200d}👩日\n🏽🇩🇪]{0,3}"), 0..40),
        columns in 1usize..12,
    ) {
        let moves = [Move::Left, Move::Right, Move::WordLeft, Move::WordRight, Move::Start, Move::End];
        let mut input = Input::default();
        for (step, text) in steps {
            match (usize::from(step), moves.get(usize::from(step))) {
                (_, Some(to)) => input.go(*to),
                (6, _) => input.remove(Move::Left),
                (7, _) => input.remove(Move::WordLeft),
                _ => prop_assert!(input.insert(&text)),
            }
            let at = input.before().len();
            let text = input.text();
            prop_assert!(at == text.len() || text.grapheme_indices(true).any(|(index, _)| index == at));
            let drawn = input.draw(columns);
            prop_assert!(drawn.cursor.0 < drawn.rows.len() && drawn.cursor.1 < columns.max(2));
        }
    }
}
