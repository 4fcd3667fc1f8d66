//! Texts of others are hostile: what a terminal might obey, or what hides in a line, is replaced by something that is seen.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Stands for what cannot be shown.
const REPLACEMENT: char = '\u{fffd}';
/// Carries a mark that stands on nothing.
const DOTTED_CIRCLE: char = '\u{25cc}';
/// Joins emoji to one, which terminals draw in different widths.
const JOINER: char = '\u{200d}';
/// Most marks on one letter: more of them reach into the lines above and below.
const MOST_MARKS: usize = 3;
/// Blanks for a tab.
const TAB: &str = "    ";

/// A text of one line.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for cluster in text.graphemes(true) {
        let mut marks = 0;
        let mut base = None;
        for c in cluster.chars() {
            match c {
                '\t' => shown.push_str(TAB),
                '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
                '\u{7f}' => shown.push('\u{2421}'),
                // They choose how the letter before them is drawn, which is the terminal's to choose.
                '\u{fe0e}' | '\u{fe0f}' if base.is_some() => continue,
                JOINER if base.is_some_and(is_wide) => continue,
                _ if is_hidden(c) => shown.push(REPLACEMENT),
                _ if c.width() == Some(0) => {
                    marks += 1;
                    if base.is_none() && marks == 1 {
                        shown.push(DOTTED_CIRCLE);
                    }
                    if marks <= MOST_MARKS {
                        shown.push(c);
                    } else if marks == MOST_MARKS + 1 {
                        shown.push(REPLACEMENT);
                    }
                    continue;
                }
                _ => shown.push(c),
            }
            base = Some(c);
            marks = 0;
        }
    }
    shown
}

/// A text of several lines.
pub fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split('\n').map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
}

fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

/// A text of several lines as one text.
pub fn text(text: &str) -> String {
    lines(text).collect::<Vec<_>>().join("\n")
}

/// Bytes that others say are a text: in hex if they are none.
pub fn shown(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| hex::encode(bytes), text)
}

/// Whether it takes no room and yet does something: turns the direction of writing, joins, parts, or carries what is not seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["hello", "Zoë naïve", "e\u{301}tude", "日本語", "שלום", "👍🏽 ok", "नमस्ते", "→ ● ░"] {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("I ❤\u{fe0f} it"), "I ❤ it");
        assert_eq!(line("👨\u{200d}👩\u{200d}👧"), "👨👩👧");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{7}", "␛[31mred␇"),
            ("a\rb\u{8}c\u{7f}", "a␍b␈c␡"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("exe\u{202e}gpj", "exe\u{fffd}gpj"),
            ("\u{2066}x\u{2069}\u{200f}", "\u{fffd}x\u{fffd}\u{fffd}"),
            ("al\u{200b}ice\u{feff}", "al\u{fffd}ice\u{fffd}"),
            ("tag\u{e0041}\u{e007f}", "tag\u{fffd}\u{fffd}"),
            ("a\tb", "a    b"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
        }
    }

    #[test]
    fn marks_are_few_and_stand_on_something() {
        let piled = line(&format!("a{}", "\u{301}".repeat(500)));
        assert_eq!(piled, format!("a\u{301}\u{301}\u{301}{REPLACEMENT}"));
        assert_eq!(line("\u{301}"), format!("{DOTTED_CIRCLE}\u{301}"));
    }

    #[test]
    fn lines_end_as_on_any_system() {
        assert_eq!(lines("a\r\nb\n\nc").collect::<Vec<_>>(), ["a", "b", "", "c"]);
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(text in any::<String>()) {
            let shown = line(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)), "{:?}", shown);
            prop_assert!(text.is_empty() || shown.width() > 0 || text.chars().all(|c| c.width() == Some(0)), "{:?}", shown);
        }
    }
}
