//! Chat for people and scripts: what they see of a node, what they can tell it.

mod view;

pub use view::{MemberView, Presence, Status, TextView, TopicView, View};
