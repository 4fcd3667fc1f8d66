//! A line that is being written: a cursor that stands between letters, what was written before, what a word may become.

use std::ops::Range;

use murmuration::live::chat::clean;
use unicode_segmentation::UnicodeSegmentation;

use super::wrap::width;

/// Most bytes that can be written. More than a text may have, so that one that is too long can be cut.
pub const MOST: usize = 64 * 1024;
/// Most lines that are remembered.
const MOST_REMEMBERED: usize = 500;
/// Shows where a line ends within the text.
const LINE_END: &str = "↵";

/// The line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    text: String,
    /// Byte at which the cursor stands, always between two letters.
    cursor: usize,
}

/// Where the cursor may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    /// One letter back.
    Left,
    /// One letter on.
    Right,
    /// To the beginning of a word.
    WordLeft,
    /// To the end of a word.
    WordRight,
    /// To the beginning.
    Start,
    /// To the end.
    End,
}

/// The line as it is drawn.
#[derive(Debug, PartialEq)]
pub struct Drawn {
    /// Rows of text.
    pub rows: Vec<String>,
    /// Row and column of the cursor.
    pub cursor: (usize, usize),
}

impl Input {
    /// A line that holds `text`, with the cursor at its end.
    pub fn of(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Empties the line and returns what it was.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Puts text where the cursor stands. Returns whether it fits.
    pub fn insert(&mut self, text: &str) -> bool {
        let fits = self.text.len() + text.len() <= MOST;
        if fits {
            self.text.insert_str(self.cursor, text);
            self.cursor += text.len();
            self.settle();
        }
        fits
    }

    /// Replaces a part of what stands before the cursor.
    pub fn replace(&mut self, part: Range<usize>, text: &str) {
        self.text.replace_range(part.clone(), text);
        self.cursor = part.start + text.len();
        self.settle();
    }

    pub fn go(&mut self, to: Move) {
        self.cursor = self.place(to);
    }

    /// Removes what lies between the cursor and where it would go.
    pub fn remove(&mut self, to: Move) {
        let place = self.place(to);
        let (start, end) = (place.min(self.cursor), place.max(self.cursor));
        self.text.replace_range(start..end, "");
        self.cursor = start;
        self.settle();
    }

    fn place(&self, to: Move) -> usize {
        let (before, after) = self.text.split_at(self.cursor);
        let place = match to {
            Move::Left => before.grapheme_indices(true).next_back().map_or(0, |(index, _)| index),
            Move::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            Move::WordLeft => before
                .trim_end()
                .rfind(char::is_whitespace)
                .map_or(0, |index| index + before[index..].chars().next().map_or(0, char::len_utf8)),
            Move::WordRight => {
                let blanks = after.len() - after.trim_start().len();
                self.cursor + after[blanks..].find(char::is_whitespace).map_or(after.len(), |index| blanks + index)
            }
            Move::Start => 0,
            Move::End => self.text.len(),
        };
        self.boundary(place)
    }

    /// What was put in or taken out may have joined the letters around the cursor to one: then it goes behind that.
    fn settle(&mut self) {
        self.cursor = self.boundary(self.cursor);
    }

    /// The end of the letter within which a place is.
    fn boundary(&self, place: usize) -> usize {
        let ends = self.text.grapheme_indices(true).map(|(index, cluster)| index + cluster.len());
        std::iter::once(0).chain(ends).find(|end| *end >= place).unwrap_or(self.text.len())
    }

    /// The line in rows of `columns`. The cursor needs a column too, also behind a row that is full.
    pub fn draw(&self, columns: usize) -> Drawn {
        let columns = columns.max(2);
        let mut rows = vec![String::new()];
        let (mut used, mut cursor) = (0, (0, 0));
        for (index, cluster) in self.text.grapheme_indices(true) {
            let shown = if cluster.ends_with('\n') { LINE_END.to_owned() } else { clean::line(cluster) };
            let room = width(&shown);
            if used + room > columns {
                rows.push(String::new());
                used = 0;
            }
            if index == self.cursor {
                cursor = (rows.len() - 1, used);
            }
            if let Some(row) = rows.last_mut() {
                row.push_str(&shown);
            }
            used += room;
        }
        if self.cursor == self.text.len() {
            if used >= columns {
                rows.push(String::new());
                used = 0;
            }
            cursor = (rows.len() - 1, used);
        }
        Drawn { rows, cursor }
    }
}

/// Lines that were sent.
#[derive(Debug, Default)]
pub struct History {
    lines: Vec<String>,
    /// The line that is shown; behind the last while a new one is written.
    at: usize,
    /// The new one, while an old one is shown.
    draft: String,
}

impl History {
    pub fn remember(&mut self, line: &str) {
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
        }
        if self.lines.len() > MOST_REMEMBERED {
            self.lines.remove(0);
        }
        self.at = self.lines.len();
        self.draft.clear();
    }

    /// The line before the one that is shown.
    pub fn older(&mut self, shown: &Input) -> Option<Input> {
        if self.at == self.lines.len() {
            self.draft = shown.text().to_owned();
        }
        self.at = self.at.checked_sub(1)?;
        self.lines.get(self.at).map(|line| Input::of(line))
    }

    /// The line after the one that is shown.
    pub fn newer(&mut self) -> Option<Input> {
        if self.at >= self.lines.len() {
            return None;
        }
        self.at += 1;
        Some(Input::of(self.lines.get(self.at).unwrap_or(&self.draft)))
    }
}

/// A word that is being completed: each further Tab shows the next of what it may become.
#[derive(Debug)]
pub struct Completion {
    /// Where the word begins.
    start: usize,
    /// What it may become; the last is what was written.
    choices: Vec<String>,
    at: usize,
}

impl Completion {
    /// Of the word at `start` before the cursor; nothing if it can become nothing.
    pub fn of(input: &Input, start: usize, mut choices: Vec<String>) -> Option<Self> {
        let written = input.before().get(start..)?.to_owned();
        if choices.is_empty() {
            return None;
        }
        if choices.len() > 1 {
            choices.push(written);
        }
        let at = choices.len() - 1;
        Some(Self { start, choices, at })
    }

    /// Shows the next choice, or the one before.
    pub fn turn(&mut self, input: &mut Input, back: bool) {
        let count = self.choices.len();
        self.at = (self.at + if back { count - 1 } else { 1 }) % count;
        let end = input.before().len();
        input.replace(self.start.min(end)..end, &self.choices[self.at]);
    }
}

#[cfg(test)]
mod tests;
