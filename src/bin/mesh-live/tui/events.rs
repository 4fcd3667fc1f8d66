//! What a node tells that is to be read, in plain words.

use murmuration::crypto::NodeId;
use murmuration::live::MeshEvent;

use super::app::App;
use super::feed::Kind;

/// What to say of an event; nothing if it shows by itself.
pub fn notice(event: &MeshEvent, app: &App) -> Option<(Kind, String)> {
    let me = app.view.id;
    let name = |id: &NodeId| if *id == me { "you".to_owned() } else { app.names.of(id, None) };
    Some(match event {
        MeshEvent::MemberAdmitted { id, sponsor } if id == sponsor => (Kind::Event, format!("this network began with {}", name(id))),
        MeshEvent::MemberAdmitted { id, sponsor } if *id == me => {
            (Kind::Answer, format!("{} has invited you: you are a member now", name(sponsor)))
        }
        MeshEvent::MemberAdmitted { id, sponsor } => (Kind::Answer, format!("{} invited {} [{id}]", name(sponsor), name(id))),
        MeshEvent::MemberRevoked { id, by } => (Kind::Answer, format!("{} removed {} [{id}], for good", name(by), name(id))),
        MeshEvent::AdmissionRefused { id, reason } => (Kind::Error, format!("{} [{id}]: {reason}", name(id))),
        MeshEvent::ChatRefused(reason) => (Kind::Error, reason.to_string()),
        MeshEvent::TopicRefused { name: Some(topic), reason } => (Kind::Error, format!("{topic}: {reason}")),
        MeshEvent::TopicRefused { name: None, reason } => (Kind::Error, reason.to_string()),
        MeshEvent::ForkSeen(id) => (
            Kind::Error,
            format!("{} [{id}] has said two different things in one place: it runs twice with one key, or somebody lies", name(id)),
        ),
        MeshEvent::Kept { unsaved: Some(why) } => (Kind::Error, format!("What is said is not saved, and will be lost when you end: {why}")),
        MeshEvent::Kept { unsaved: None } => (Kind::Answer, "What is said is saved again.".to_owned()),
        _ => return None,
    })
}
