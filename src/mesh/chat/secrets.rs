//! What chat holds that nobody else may know, for those who study attacks: how it is found again in what was recorded.

use super::components::Chat;
use crate::crypto::Chain;
use crate::wire::chat::LogId;

impl Chat {
    /// The chains with which the node writes and reads just now, each with its log. For those who study attacks: whoever has them reads what
    /// follows in their epochs.
    pub fn chains(&self) -> impl Iterator<Item = (LogId, &Chain)> {
        let own = self.writers.iter().filter_map(|(topic, writer)| Some((*self.own.get(topic)?, &writer.chain)));
        own.chain(self.readers.iter().map(|(log, reader)| (*log, &reader.chain)))
    }
}
