//! Texts in columns: how wide they are, where they are cut, where their lines end.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Stands where a text was cut.
const CUT: &str = "…";

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// The text in at most `columns`, with a sign where it was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut shown = head(text, columns - 1).to_owned();
    shown.push_str(CUT);
    shown
}

/// The text in exactly `columns`, at their left.
pub fn left(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let blanks = columns.saturating_sub(width(&text));
    text + &" ".repeat(blanks)
}

/// The text in exactly `columns`, at their right.
pub fn right(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    " ".repeat(columns.saturating_sub(width(&text))) + &text
}

/// A name in at most `columns`. Where it bears the beginning of a key, that is what stays.
pub fn name(name: &str, columns: usize) -> String {
    match name.rsplit_once(" [") {
        Some((nick, key)) if width(name) > columns => match columns.checked_sub(width(key) + 2) {
            Some(room @ 2..) => format!("{} [{key}", cut(nick, room)),
            _ => cut(key.trim_end_matches(']'), columns),
        },
        _ => cut(name, columns),
    }
}

/// As much of the text from its beginning as `columns` hold.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (index, cluster) in text.grapheme_indices(true) {
        used += cluster.width();
        if used > columns {
            return &text[..index];
        }
    }
    text
}

/// The text in lines of at most `columns`, broken between words, and within those that are longer than a line. There is always a line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let bare = width(word.trim_end_matches(' '));
        if used > 0 && used + bare > columns {
            lines.push(finish(&mut current));
            used = 0;
        }
        if bare > columns {
            for cluster in word.graphemes(true) {
                if used + cluster.width() > columns && used > 0 {
                    lines.push(finish(&mut current));
                    used = 0;
                }
                current.push_str(cluster);
                used += cluster.width();
            }
        } else {
            current.push_str(word);
            used += width(word);
        }
    }
    lines.push(finish(&mut current));
    lines
}

/// A line without the blanks at its end.
fn finish(line: &mut String) -> String {
    let done = line.trim_end_matches(' ').to_owned();
    line.clear();
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("ten chars! x", 10), ["ten chars!", "x"]);
    }

    #[test]
    fn long_words_break_anywhere_but_within_a_letter() {
        assert_eq!(wrap("ab abcdefghij", 4), ["ab", "abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrap("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn columns_are_filled_and_cut() {
        assert_eq!((left("ab", 4).as_str(), right("ab", 4).as_str()), ("ab  ", "  ab"));
        assert_eq!((cut("abcdef", 4).as_str(), cut("日本語", 4).as_str(), cut("abc", 0).as_str()), ("abc…", "日…", ""));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_word_is_lost(text in "[a-z日é ]{0,60}", columns in 2usize..20) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{:?}", lines);
            let without = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without(&lines.concat()), without(&text));
        }
    }
}
