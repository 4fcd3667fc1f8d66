//! What the view says by itself among the texts.

use std::collections::BTreeMap;
use std::mem::discriminant;

use murmuration::live::chat::{Presence, Status, View};

use super::App;
use crate::tui::feed::{Kind, Notice};

/// Most notices that are kept.
const MOST_NOTICES: usize = 300;

impl App {
    /// What is to be read at the beginning.
    pub fn greet(&mut self, lines: &[String]) {
        self.tell(Kind::Answer, lines.join("\n"));
        self.tell_status();
    }

    /// Something to be read among the texts.
    pub fn tell(&mut self, kind: Kind, text: impl Into<String>) {
        let after = self.texts.iter().flatten().rfind(|text| text.topic == self.topic).map(|text| text.id);
        self.notices.push(Notice { number: self.next_notice, after, topic: self.topic.clone(), kind, text: text.into() });
        self.next_notice += 1;
        if self.notices.len() > MOST_NOTICES {
            self.notices.remove(0);
        }
        self.stale = true;
        // Whoever asked wants to see the answer.
        if kind != Kind::Event {
            self.scroll_to_end();
        }
        self.arrange();
    }

    /// Who has come, and who has gone.
    pub(super) fn tell_presence(&mut self, old: &View) {
        let before: BTreeMap<_, _> = old.members.iter().map(|member| (member.id, member.presence)).collect();
        let is_here = |presence: Option<&Presence>| presence.is_some_and(|presence| *presence != Presence::Away);
        let turned = self.view.members.iter().filter(|member| is_here(before.get(&member.id)) != is_here(Some(&member.presence)));
        let mut lines: Vec<String> = turned
            .map(|member| {
                let verb = if member.presence == Presence::Away { "is away" } else { "is here" };
                format!("{} {verb}", self.names.of(&member.id, member.nick.as_deref()))
            })
            .collect();
        if lines.len() > 3 {
            lines = vec![format!("{} members have come or gone", lines.len())];
        }
        lines.into_iter().for_each(|line| self.tell(Kind::Event, line));
    }

    /// What a person must know of it beyond the line at the bottom.
    pub(super) fn tell_status(&mut self) {
        let told = Some(discriminant(&self.view.status));
        if self.told == told {
            return;
        }
        match self.view.status {
            // The search goes on, and on, to the same end.
            Status::Searching { .. } => return,
            Status::NotInvited => {
                self.tell(Kind::Answer, "Nobody has invited you yet. Any member can: give one of them your key. F4 shows it.");
            }
            Status::Strangers => {
                self.tell(
                    Kind::Answer,
                    "Somebody is there, and neither has invited the other. F2 invites them by their key, F4 shows yours.",
                );
            }
            Status::Revoked { ref by } => {
                let by = by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
                self.tell(Kind::Error, format!("This identity was removed from the network{by}, for good."));
            }
            _ => {}
        }
        self.told = told;
    }
}
