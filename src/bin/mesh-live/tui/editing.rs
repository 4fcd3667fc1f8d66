//! Keys and pasted text that change a line.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::input::{Input, Move};

/// Does to the line what the key says. Returns whether the key says anything to a line.
pub fn edit(input: &mut Input, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let word = control || alt;
    match key.code {
        // Some keyboards make letters with both.
        KeyCode::Char(c) if control == alt && !c.is_control() => {
            input.insert(c.encode_utf8(&mut [0; 4]));
        }
        KeyCode::Char(c) => return chord(input, c.to_ascii_lowercase(), control),
        KeyCode::Backspace => input.remove(if word { Move::WordLeft } else { Move::Left }),
        KeyCode::Delete => input.remove(if word { Move::WordRight } else { Move::Right }),
        KeyCode::Left => input.go(if word { Move::WordLeft } else { Move::Left }),
        KeyCode::Right => input.go(if word { Move::WordRight } else { Move::Right }),
        KeyCode::Home => input.go(Move::Start),
        KeyCode::End => input.go(Move::End),
        _ => return false,
    }
    true
}

/// A letter with Ctrl, or with Alt.
fn chord(input: &mut Input, c: char, control: bool) -> bool {
    match (control, c) {
        (true, 'h') => input.remove(Move::Left),
        (true, 'd') => input.remove(Move::Right),
        (true, 'w') => input.remove(Move::WordLeft),
        (true, 'u') => input.remove(Move::Start),
        (true, 'k') => input.remove(Move::End),
        (true, 'a') => input.go(Move::Start),
        (true, 'b') => input.go(Move::Left),
        (true, 'f') => input.go(Move::Right),
        (false, 'b') => input.go(Move::WordLeft),
        (false, 'f') => input.go(Move::WordRight),
        (false, 'd') => input.remove(Move::WordRight),
        _ => return false,
    }
    true
}

/// Pasted text as it is put into a line: its own line ends are kept, those at its end are not.
pub fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    text.trim_end_matches('\n').chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Pasted text for a line that has no blanks, such as a key.
pub fn pasted_word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_not_pasted() {
        assert_eq!(pasted("a\r\nb\u{1b}[201~\tc\r\n\n"), "a\nb[201~    c");
        assert_eq!(pasted_word(" ab cd\n"), "abcd");
    }
}
