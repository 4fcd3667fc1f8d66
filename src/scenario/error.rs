//! What is wrong with a scenario, and where.

use std::fmt;
use std::ops::Range;

/// Longest part of a line that is shown.
const EXCERPT: usize = 120;

/// What is wrong with a scenario: one message that names file, line, column, the mistake and the nearest right spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, or the option of the command line.
    pub origin: String,
    /// Where, if it is at a place.
    pub place: Option<Box<ErrorPlace>>,
    /// What is wrong.
    pub message: String,
    /// The nearest right spelling.
    pub suggestion: Option<String>,
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPlace {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line's text, or the part of it around the column.
    excerpt: String,
    /// How many characters stand before the mistake in the excerpt.
    indent: usize,
    /// How many characters to underline.
    width: usize,
}

impl std::error::Error for ScenarioError {}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            let margin = number.len();
            write!(f, "\n {number} | {}", place.excerpt)?;
            write!(f, "\n {:margin$} | {:indent$}{}", "", "", "^".repeat(place.width), indent = place.indent)?;
        }
        Ok(())
    }
}

impl ScenarioError {
    /// A mistake at no place.
    pub(crate) fn new(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self { origin: origin.into(), place: None, message: harmless(message.into().chars()), suggestion: None }
    }

    /// A mistake at `span` (bytes) of `source`.
    pub(crate) fn at(origin: impl Into<String>, source: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { place: Some(Box::new(ErrorPlace::of(source, span))), ..Self::new(origin, message) }
    }

    /// With the nearest right spelling.
    pub(crate) fn suggesting(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion.map(|suggestion| harmless(suggestion.chars()));
        self
    }
}

impl ErrorPlace {
    fn of(source: &str, span: Range<usize>) -> Self {
        let start = floor(source, span.start);
        let end = floor(source, span.end);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let before = source[line_start..start].chars().count();
        let width = source[start..end.clamp(start, line_end)].chars().count();
        // Of a very long line only the surroundings are shown.
        let skipped = before.saturating_sub(EXCERPT / 2);
        let shown = source[line_start..line_end].trim_end().chars().skip(skipped).take(EXCERPT);
        Self {
            line: 1 + source[..start].matches('\n').count(),
            column: before + 1,
            excerpt: harmless(shown),
            indent: before - skipped,
            width: width.clamp(1, EXCERPT / 2),
        }
    }
}

/// The text with a blank for each control character but line breaks: a scenario may hold anything, and a terminal shall not obey it.
pub fn harmless(text: impl IntoIterator<Item = char>) -> String {
    text.into_iter().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// The nearest place at or before `at` where a character begins.
fn floor(source: &str, at: usize) -> usize {
    (0..=at.min(source.len())).rev().find(|place| source.is_char_boundary(*place)).unwrap_or(0)
}

/// What `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let folded = word.to_lowercase();
    let scored = known.into_iter().map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    let bound = (word.chars().count().max(candidate.chars().count()) / 3).max(1);
    (distance <= bound).then(|| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_points_at_the_place() {
        let error = ScenarioError::at("a.ron", "(\n  nodse: 5,\n)", 4..9, "no such field").suggesting(Some("nodes".into()));
        assert_eq!(error.to_string(), "a.ron:2:3: no such field; did you mean `nodes`?\n 2 |   nodse: 5,\n   |   ^^^^^");
    }

    #[test]
    fn any_place_of_any_text_will_do() {
        for source in ["", "\n", "é\u{1b}[31m\r\n\tü", &"long ".repeat(200)] {
            for start in 0..source.len() + 3 {
                for end in [start, start + 1, start + 400] {
                    let text = ScenarioError::at("a.ron", source, start..end, "x").to_string();
                    assert!(!text.contains('\u{1b}') && text.len() < 500);
                }
            }
        }
    }

    #[test]
    fn near_words_are_found_and_far_ones_not() {
        assert_eq!(nearest("nodse", ["name", "nodes"]), Some("nodes".into()));
        assert_eq!(nearest("ring", ["Line", "Ring"]), Some("Ring".into()));
        assert_eq!(nearest("zebra", ["name", "nodes"]), None);
    }
}
