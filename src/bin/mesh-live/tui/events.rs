//! What a node tells that is to be read among the texts.

use murmuration::live::MeshEvent;
use murmuration::live::chat::{View, clean, news};

use super::feed::Kind;

/// What to say of an event; nothing if it shows in another way, as texts do, and who is there.
pub fn notice(event: &MeshEvent, view: &View) -> Option<(Kind, String)> {
    if let MeshEvent::ChatMessageWaits { plaintext, .. } = event {
        // It is said later, and not seen until then.
        return Some((Kind::Answer, format!("{}\n({})", clean::shown(plaintext), news(event, view)?.text)));
    }
    let kind = match event {
        MeshEvent::ChatRefused { .. }
        | MeshEvent::TopicRefused { .. }
        | MeshEvent::AdmissionRefused { .. }
        | MeshEvent::ForkSeen(_)
        | MeshEvent::Kept { unsaved: Some(_) } => Kind::Error,
        MeshEvent::MemberAdmitted { .. }
        | MeshEvent::MemberRevoked { .. }
        | MeshEvent::RevocationProposed { .. }
        | MeshEvent::Kept { unsaved: None } => Kind::Answer,
        _ => return None,
    };
    Some((kind, news(event, view)?.text))
}
