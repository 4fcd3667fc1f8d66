//! What has happened at a node, in a line.

use serde_json::{Value, json};

use super::clean::{self, shown};
use super::lines::{Line, LineKind, entry_name, text_line};
use super::names::with_key;
use super::view::plainly;
use super::{Names, Status, TextView, View};
use crate::crypto::NodeId;
use crate::live::MeshEvent;

impl Line {
    /// Something has happened: its text for people, and its kind and fields for machines.
    fn news(kind: &str, text: String, mut fields: Value) -> Option<Self> {
        fields["kind"] = json!(kind);
        Some(Self { kind: LineKind::Info, text, fields })
    }

    /// How the node stands with the others now.
    pub fn status(status: &Status) -> Self {
        let connected = matches!(status, Status::Connected { .. });
        let fields = json!({ "kind": "status", "connected": connected, "text": status.to_string() });
        Self { kind: LineKind::Info, text: status.to_string(), fields }
    }

    /// How many texts of an earlier life are still to be said.
    pub fn waiting(count: usize) -> Self {
        let text = if count == 1 { "1 text of yours waits".to_owned() } else { format!("{count} texts of yours wait") };
        let text = format!("{text} until somebody is there to read it");
        Self { kind: LineKind::Info, text, fields: json!({ "kind": "waiting", "count": count }) }
    }
}

/// What `event` is to the owner of the node that `view` shows; `None` if it is nothing. Machines are told more than people: who is
/// interested in lines only leaves out those without a text.
pub fn news(event: &MeshEvent, view: &View) -> Option<Line> {
    let nick = |id: &NodeId| if *id == view.id { view.nick.clone() } else { nick_in(view, id) };
    let label = |id: &NodeId| if *id == view.id { "you".to_owned() } else { with_key(id, nick(id).as_deref()) };
    let about = |id: &NodeId| json!({ "id": format!("{id:?}"), "nick": nick(id) });
    match event {
        MeshEvent::ChatMessageReceived { sender_pub_key, nick, plaintext, topic, to, id, time } => {
            let text = TextView {
                id: *id,
                topic: clean::line(topic),
                author: NodeId(*sender_pub_key),
                nick: nick.clone(),
                to: *to,
                time: *time,
                text: shown(plaintext),
                delivered: 2,
                readers: 2,
            };
            let mut line = text_line(&text, &Names::of_view(view));
            if let Value::Object(fields) = &mut line.fields {
                fields.retain(|name, _| !matches!(name.as_str(), "delivered" | "readers"));
            }
            Some(line)
        }
        MeshEvent::ChatMessageSent { plaintext, topic, to, id, time } => {
            let to = to.map(|to| format!("{to:?}"));
            let fields = json!({ "topic": topic, "to": to, "time": time, "text": shown(plaintext), "id": entry_name(id) });
            Line::news("sent", String::new(), fields)
        }
        MeshEvent::ChatMessageWaits { plaintext, topic, to, unsettled, kept } => {
            let to = to.map(|to| format!("{to:?}"));
            let fields = json!({ "topic": topic, "to": to, "text": shown(plaintext), "kept": kept });
            let keeping = if *kept { "it is kept" } else { "it waits in memory only" };
            let text = if *unsettled {
                format!("this is not said yet: {keeping}, and is said when another member has told what was said before")
            } else {
                format!("nobody is here yet who could read this: {keeping}, and is said when somebody is")
            };
            Line::news("waits", text, fields)
        }
        MeshEvent::Delivered { id, members } => Line::news("delivered", String::new(), json!({ "id": entry_name(id), "members": members })),
        MeshEvent::ChatRefused { plaintext, topic, to, reason } => {
            let to = to.map(|to| format!("{to:?}"));
            let text = shown(plaintext);
            let fields = json!({ "topic": topic, "to": to, "text": text, "reason": reason.to_string() });
            // Enough to know it by.
            let short: String = text.chars().take(30).collect();
            let rest = if short.len() < text.len() { "…" } else { "" };
            Line::news("not_said", format!("not said (\"{}{rest}\"): {reason}", short.replace('\n', "\\n")), fields)
        }
        MeshEvent::TopicRefused { name, reason } => {
            let text = name.as_ref().map_or_else(|| reason.to_string(), |name| format!("{name}: {reason}"));
            Line::news("topic_refused", text, json!({ "topic": name, "reason": reason.to_string() }))
        }
        MeshEvent::AdmissionRefused { id, reason } => {
            let mut fields = about(id);
            fields["reason"] = json!(reason.to_string());
            Line::news("admission_refused", format!("not done: {reason}"), fields)
        }
        MeshEvent::MemberAdmitted { id, sponsor } => {
            let mut fields = about(id);
            fields["sponsor"] = json!(format!("{sponsor:?}"));
            let text = match (*id == view.id, id == sponsor) {
                (true, true) => "you founded this network: invite others by their keys".to_owned(),
                (true, false) => format!("you are invited by {}", label(sponsor)),
                (false, true) => format!("{} founded this network", label(id)),
                (false, false) => format!("{} is invited by {}", label(id), label(sponsor)),
            };
            Line::news("admitted", text, fields)
        }
        MeshEvent::MemberRevoked { id, nick, by } => {
            let mut fields = about(id);
            fields["nick"] = json!(nick);
            fields["by"] = json!(format!("{by:?}"));
            let whom = if *id == view.id { "you are".to_owned() } else { format!("{} is", with_key(id, nick.as_deref())) };
            Line::news("revoked", format!("{whom} revoked by {}", label(by)), fields)
        }
        MeshEvent::RevocationProposed { id, by, said, needed } => {
            let mut fields = about(id);
            fields["by"] = json!(format!("{by:?}"));
            fields["said"] = json!(said);
            fields["needed"] = json!(needed);
            let text = format!("{said} of {needed} members have spoken for the revocation of {}, {} as the last", label(id), label(by));
            Line::news("revocation_proposed", text, fields)
        }
        MeshEvent::NodeJoined(id) => Line::news("joined", format!("{} is here", label(id)), about(id)),
        MeshEvent::NodeLeft { id, graceful } => {
            let mut fields = about(id);
            fields["graceful"] = json!(graceful);
            // Of one who was revoked that is said.
            let known = view.members.iter().any(|member| member.id == *id);
            Line::news("left", if known { format!("{} is gone", label(id)) } else { String::new() }, fields)
        }
        MeshEvent::NodeSuspected { id, .. } => Line::news("suspected", format!("{} is silent", label(id)), about(id)),
        MeshEvent::NodeTrusted(id) => Line::news("trusted", format!("{} is here again", label(id)), about(id)),
        MeshEvent::ForkSeen(id) => {
            Line::news("fork", format!("{} has said two things in one place: it runs twice, or lies", label(id)), about(id))
        }
        MeshEvent::MessageReceived { from, payload } => {
            let mut fields = about(from);
            fields["payload"] = json!(hex::encode(payload));
            Line::news("message", format!("{} bytes from {}", payload.len(), label(from)), fields)
        }
        MeshEvent::SendFailed { to, reason, .. } => {
            let mut fields = about(to);
            fields["reason"] = json!(format!("{reason:?}"));
            Line::news("send_failed", format!("a message to {} did not arrive", label(to)), fields)
        }
        MeshEvent::BroadcastReceived { origin, payload, .. } => {
            let mut fields = about(origin);
            fields["payload"] = json!(hex::encode(payload));
            Line::news("broadcast", format!("{} bytes to all from {}", payload.len(), label(origin)), fields)
        }
        MeshEvent::Refused { reason, address } => {
            let fields = json!({ "address": address.to_string(), "reason": reason.name(), "text": plainly(*reason) });
            Line::news("refused", String::new(), fields)
        }
        MeshEvent::Kept { unsaved } => {
            let text = unsaved
                .as_ref()
                .map_or_else(|| "what is said is kept again".to_owned(), |reason| format!("what is said is kept in memory only: {reason}"));
            Line::news("kept", text, json!({ "unsaved": unsaved }))
        }
        _ => None,
    }
}

fn nick_in(view: &View, id: &NodeId) -> Option<String> {
    view.members.iter().find(|member| member.id == *id)?.nick.clone()
}
