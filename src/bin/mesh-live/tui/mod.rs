//! `mesh-live tui`: the chat in a terminal.

mod app;
mod clean;
mod draw;
mod editing;
mod feed;
mod input;
mod layout;
#[cfg(test)]
mod sample;
mod terminal;
mod theme;
mod wizard;
mod wrap;
