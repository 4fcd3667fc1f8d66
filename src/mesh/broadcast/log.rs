//! What is kept to be sent again.

use std::collections::VecDeque;

use crate::wire::{MessageId, Payload};

/// A message that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Which.
    pub id: MessageId,
    /// Hops it had come.
    pub round: u16,
    /// The message.
    pub payload: Payload,
}

/// The most recent messages, whoever said them.
#[derive(Debug, Default)]
pub struct Log {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Log {
    /// Keeps a message, and lets the oldest go until no more than `messages` and `bytes` are kept.
    pub fn push(&mut self, message: Kept, messages: usize, bytes: usize) {
        self.bytes += message.payload.0.len();
        self.kept.push_back(message);
        while self.kept.len() > messages || self.bytes > bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.payload.0.len();
        }
    }

    /// The message called `id`. Asked for are mostly recent ones, so it looks from the end.
    pub fn get(&self, id: &MessageId) -> Option<&Kept> {
        self.kept.iter().rev().find(|kept| kept.id == *id)
    }

    /// All that are kept of one origin's life.
    pub fn of_life<'a>(&'a self, id: &'a MessageId) -> impl Iterator<Item = &'a Kept> {
        self.kept.iter().filter(move |kept| kept.id.origin == id.origin && kept.id.life == id.life)
    }
}
