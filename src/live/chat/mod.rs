//! Chat for people and scripts: what they see of a node, what they can tell it.

mod calls;
pub mod clean;
mod command;
mod completion;
mod console;
mod lines;
mod listener;
mod look;
mod moment;
mod names;
mod news;
mod status;
mod tell;
mod view;

pub use calls::check_text;
pub use command::{Command, HELP, ParseError, parse};
pub use completion::complete;
pub use console::Console;
pub use lines::{Line, LineKind};
pub use listener::Listener;
pub use look::{texts, view};
pub use moment::{DAY, clock, date};
pub use names::Names;
pub use news::news;
pub use status::{LastRefusal, RefusalPlugin};
pub use tell::ChatEventsPlugin;
pub use view::{MemberView, Presence, Status, TextView, TopicView, View};

#[cfg(test)]
mod tests;
