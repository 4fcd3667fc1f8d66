//! Where things stand on the screen.

use ratatui::layout::{Position, Rect};

use super::input::Input;

/// The smallest terminal in which there is something to see.
pub const SMALLEST: (u16, u16) = (40, 10);
/// From this width on there is a sidebar.
const WIDE: u16 = 64;
/// Columns of the sidebar, the line beside it included.
const SIDEBAR: u16 = 26;
/// Most rows of what is being written.
const MOST_INPUT: u16 = 6;
/// Columns of the sign before what is being written, and a blank behind it.
pub const PROMPT: u16 = 4;

/// Places of the chat view.
#[derive(Clone, Debug, PartialEq)]
pub struct Areas {
    /// The line at the top.
    pub bar: Rect,
    /// The texts.
    pub messages: Rect,
    /// Topics and members; not in a narrow terminal.
    pub sidebar: Option<Rect>,
    /// What is being written, with the line above it.
    pub input: Rect,
    /// The line at the bottom.
    pub status: Rect,
}

impl Areas {
    /// Of a terminal of so many columns and rows; `None` if it is too small.
    pub fn of((columns, rows): (u16, u16), input: &Input) -> Option<Self> {
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            return None;
        }
        let written = input.draw(usize::from(columns - PROMPT)).rows.len();
        let most = MOST_INPUT.min(rows / 4).max(1);
        let input = u16::try_from(written).unwrap_or(most).min(most) + 1;
        let middle = rows - 2 - input;
        let side = if columns >= WIDE { SIDEBAR } else { 0 };
        Some(Self {
            bar: Rect::new(0, 0, columns, 1),
            messages: Rect::new(1, 1, columns - side - 2, middle),
            sidebar: (side > 0).then(|| Rect::new(columns - side, 1, side, middle)),
            input: Rect::new(0, 1 + middle, columns, input),
            status: Rect::new(0, rows - 1, columns, 1),
        })
    }
}

impl Areas {
    /// Where the topics stand in the sidebar, below their title; the rest of it is the members'.
    pub fn topics(&self, count: usize) -> Rect {
        let Some(side) = self.sidebar else { return Rect::ZERO };
        let room = (side.height / 2).saturating_sub(2).max(1);
        let height = u16::try_from(count).unwrap_or(room).min(room);
        Rect::new(side.x + 2, side.y + 1, side.width - 3, height)
    }

    /// The number of the topic at a place of the screen, of so many, while that `at` this number is shown.
    pub fn topic_at(&self, place: Position, count: usize, at: usize) -> Option<usize> {
        let topics = self.topics(count);
        topics.contains(place).then(|| window(count, usize::from(topics.height), at) + usize::from(place.y - topics.y))
    }
}

/// The first entry of a list of `count` that is seen where there is room for some, so that the one `at` this number is.
pub fn window(count: usize, room: usize, at: usize) -> usize {
    at.saturating_sub(room / 2).min(count.saturating_sub(room))
}
