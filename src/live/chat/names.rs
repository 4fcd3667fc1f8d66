//! What members are called where they are shown, so that nobody is taken for another.

use std::collections::BTreeMap;

use unicode_security::confusable_detection::skeleton;
use unicode_width::UnicodeWidthChar;

use super::{View, clean};
use crate::crypto::NodeId;

/// What members are called: by their nicks, with the beginning of their key where a nick alone may be mistaken.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// Whose picture it is.
    pub me: NodeId,
    known: BTreeMap<NodeId, String>,
}

impl Names {
    /// Those of a picture.
    pub fn of_view(view: &View) -> Self {
        let others = view.members.iter().map(|member| (member.id, member.nick.as_deref()));
        let all: Vec<(NodeId, Option<&str>)> = others.chain(std::iter::once((view.id, view.nick.as_deref()))).collect();
        let mut bearers: BTreeMap<String, usize> = BTreeMap::new();
        all.iter().filter_map(|(_, nick)| *nick).for_each(|nick| *bearers.entry(look_of(nick)).or_default() += 1);
        let is_plain = |nick: &str| is_unmistakable(nick) && bearers.get(&look_of(nick)) == Some(&1);
        let name = |(id, nick): &(NodeId, Option<&str>)| match nick {
            Some(nick) if is_plain(nick) => (*id, clean::line(nick)),
            nick => (*id, with_key(id, *nick)),
        };
        Self { me: view.id, known: all.iter().map(name).collect() }
    }

    /// What this one is called. One who is no member now is not taken for one who is, whatever it calls itself.
    pub fn of(&self, id: &NodeId, nick: Option<&str>) -> String {
        self.known.get(id).cloned().unwrap_or_else(|| with_key(id, nick))
    }
}

/// A nick with the beginning of its bearer's key. Square brackets hold nothing else.
pub fn with_key(id: &NodeId, nick: Option<&str>) -> String {
    let Some(nick) = nick else { return id.to_string() };
    format!("{} [{id}]", clean::line(nick).replace('[', "(").replace(']', ")"))
}

/// The same for all nicks that a reader could take for one another: whatever script the letters are of (UTS 39 section 4), whatever marks they
/// bear, and whatever stands between them.
fn look_of(nick: &str) -> String {
    let lower: String = skeleton(nick).flat_map(char::to_lowercase).collect();
    skeleton(&lower).filter(|letter| letter.is_alphanumeric()).collect()
}

/// Whether a nick is seen to be one: made of letters, digits and what stands in names, and neither a key nor what the program says itself.
fn is_unmistakable(nick: &str) -> bool {
    let is_picture = |c: char| matches!(c, '\u{1f300}'..='\u{1f7ff}' | '\u{1f900}'..='\u{1faff}');
    let stands_in_names = |c: char| c.is_alphanumeric() || " _-.'".contains(c) || c.width() == Some(0) || is_picture(c);
    let is_key = nick.len() >= 8 && nick.bytes().all(|byte| byte.is_ascii_hexdigit());
    nick.chars().all(stands_in_names) && !is_key && look_of(nick) != "you"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicks_that_look_like_one_another_are_taken_for_one() {
        for nick in ["аlice", "alicе", "ɑlice", "Alice", "aIice", "ａlice", "𝐚lice", "álice", "alice.", "al ice", "alice’"] {
            assert_eq!(look_of(nick), look_of("alice"), "{nick}");
        }
        for nick in ["alicia", "bob", "malice", "日本"] {
            assert_ne!(look_of(nick), look_of("alice"), "{nick}");
        }
    }

    #[test]
    fn nicks_that_look_like_something_else_are_told_from_it() {
        for nick in ["alice", "Zoë the 2nd", "日本", "o'neill-b_7", "beef", "👍🏽 ok"] {
            assert!(is_unmistakable(nick), "{nick}");
        }
        for nick in
            ["alice -> you", "alice:", "[alice]", "alice] hello", "a1b2c3d4", "you", "You.", "#tech", "* bob", "→", "x [a1a1a1a1]", "a|b"]
        {
            assert!(!is_unmistakable(nick), "{nick}");
        }
        assert_eq!(with_key(&NodeId([0xab; 32]), Some("x] [alice")), "x) (alice [abababab]");
    }
}
