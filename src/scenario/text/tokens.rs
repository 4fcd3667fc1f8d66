//! The pieces of a text.

use super::Span;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number, a duration without quotes.
    Word,
    /// A string in quotes.
    Text,
    /// Any other character.
    Sign(u8),
}

/// The pieces of a text, without blanks and comments. Never fails: what is strange becomes a sign.
pub(super) fn tokens(source: &str) -> Vec<(Token, Span)> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let start = at;
        match byte {
            byte if byte.is_ascii_whitespace() => at += 1,
            b'/' if rest.starts_with(b"//") => at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => at += block_comment(rest),
            b'"' => {
                at += quoted(rest);
                found.push((Token::Text, start..at));
            }
            b'r' if raw(rest).is_some() => {
                at += raw(rest).unwrap_or(1);
                found.push((Token::Text, start..at));
            }
            // `r#None`: a word that would mean something else without the mark, which is no part of it.
            b'r' if rest.get(1) == Some(&b'#') => at += 2,
            byte if is_word(*byte) => {
                at += rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
                found.push((Token::Word, start..at));
            }
            sign => {
                at += 1;
                found.push((Token::Sign(*sign), start..at));
            }
        }
    }
    found
}

/// The first piece of text that does not end before the byte `at`; the end of the text if there is none.
pub(in crate::scenario) fn token_at(source: &str, at: usize) -> Span {
    let tokens = tokens(source);
    let end = source.trim_end().len();
    tokens.into_iter().map(|(_, span)| span).find(|span| span.end > at).unwrap_or(end..end)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte) || byte >= 0x80
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw string, if this is the beginning of one.
fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let content = rest.get(1 + hashes..)?.strip_prefix(b"\"")?;
    let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let end = content.windows(closing.len()).position(|window| window == closing);
    Some(end.map_or(rest.len(), |end| 2 + hashes + end + closing.len()))
}
