//! The picture is taken.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bevy_ecs::prelude::*;

use super::clean;
use super::names::with_key;
use super::status::LastRefusal;
use super::view::{MemberView, Presence, Status, TextView, TopicView, View};
use crate::crypto::NodeId;
use crate::gate::NICK;
use crate::kernel::{AccessList, AddressBook, Contact, LinkState, Neighbors, Prekeys, Session, SessionPhase, Sessions, Standing, Tree};
use crate::live::store::Keeping;
use crate::mesh::admission::{Admission, AdmissionState};
use crate::mesh::chat::{Chat, Text};
use crate::mesh::discovery::{Discovery, Seeds};
use crate::mesh::liveness::RoundTrip;
use crate::mesh::membership::Membership;
use crate::mesh::topics::{LOBBY, Topics};
use crate::wire::{CloseReason, TopicId};

/// Longest nick that is shown, in characters.
const MAX_NICK: usize = 32;

/// How `node` stands, which listens at `listens` in the network called `network`.
pub fn view(world: &World, node: Entity, listens: SocketAddr, network: &str) -> View {
    let id = world.get::<Contact>(node).map_or(NodeId([0; 32]), |contact| contact.id);
    let chat = world.get::<Chat>(node);
    let members = members(world, node, &id);
    let status = match status(world, node) {
        Status::Alone if !members.is_empty() => Status::AllAway { members: members.len() },
        status => status,
    };
    View {
        id,
        nick: nick_of(world, node, &id),
        listens,
        network: network.to_owned(),
        status,
        members,
        topics: topics(world, node),
        waiting: chat.map_or(0, Chat::waiting),
        locked: chat.map_or(0, Chat::locked),
        unsaved: world.get_resource::<Keeping>().and_then(|keeping| keeping.unsaved.clone()),
    }
}

/// The last texts of a topic in the order in which they are shown, or of all. What is said to one stands in the lobby.
pub fn texts(world: &World, node: Entity, topic: Option<&str>, last: usize) -> Vec<TextView> {
    let Some(chat) = world.get::<Chat>(node) else { return Vec::new() };
    let topics: Vec<(String, TopicId)> = match topic {
        Some(name) => vec![(name.to_owned(), TopicId::of(name))],
        None => named_topics(world, node),
    };
    let mut heads: Vec<_> = topics.iter().map(|(name, id)| (name, chat.texts().of_topic(id).rev().peekable())).collect();
    let mut chosen = Vec::new();
    while chosen.len() < last {
        // In each topic cause comes before effect; between topics the clocks decide.
        let latest = heads.iter_mut().filter_map(|(name, texts)| texts.peek().map(|text| text.time).map(|time| (time, name, texts)));
        let Some((_, name, texts)) = latest.max_by_key(|(time, ..)| *time) else { break };
        chosen.extend(texts.next().map(|text| text_view(world, node, chat, name, text)));
    }
    chosen.reverse();
    chosen
}

/// What `id` calls itself, fit to be shown.
pub(super) fn nick(membership: Option<&Membership>, chat: Option<&Chat>, id: &NodeId) -> Option<String> {
    let present = membership.and_then(|membership| membership.get(id, NICK));
    let known = present.map(String::from_utf8_lossy).map(String::from);
    let name = known.or_else(|| chat?.name(id).map(str::to_owned))?;
    let shown: String = clean::line(name.trim()).chars().take(MAX_NICK).collect();
    (!shown.is_empty()).then_some(shown)
}

fn nick_of(world: &World, node: Entity, id: &NodeId) -> Option<String> {
    nick(world.get::<Membership>(node), world.get::<Chat>(node), id)
}

fn text_view(world: &World, node: Entity, chat: &Chat, topic: &str, text: &Text) -> TextView {
    let author = text.id.log.author;
    let delivered = world.get::<AccessList>(node).map_or(1, |access| chat.delivered_to(&text.id, access));
    let readers = if text.to.is_some() { 2 } else { readers(world, node, &text.id.log.topic) };
    TextView {
        id: text.id,
        topic: topic.to_owned(),
        author,
        nick: nick_of(world, node, &author),
        to: text.to,
        time: text.time,
        text: clean::shown(&text.text),
        delivered: delivered.min(readers),
        readers,
    }
}

/// How many members a topic has, the node itself among them.
fn readers(world: &World, node: Entity, topic: &TopicId) -> usize {
    let (Some(access), Some(me)) = (world.get::<AccessList>(node), world.get::<Contact>(node)) else { return 1 };
    let is_other = |id: &&NodeId| **id != me.id && access.is_member(id);
    let others = if *topic == TopicId::of(LOBBY) {
        world.get::<Prekeys>(node).map_or(0, |prekeys| prekeys.others.keys().filter(is_other).count())
    } else {
        world.get::<Chat>(node).map_or(0, |chat| chat.subscribers(topic).filter(is_other).count())
    };
    others + 1
}

fn named_topics(world: &World, node: Entity) -> Vec<(String, TopicId)> {
    let Some(topics) = world.get::<Topics>(node) else { return Vec::new() };
    let mut names: Vec<String> = topics.list().map(|(name, _)| name.to_owned()).filter(|name| name != LOBBY).collect();
    names.sort_unstable();
    names.insert(0, LOBBY.to_owned());
    names.into_iter().map(|name| (clean::line(&name), TopicId::of(&name))).collect()
}

fn topics(world: &World, node: Entity) -> Vec<TopicView> {
    let Some(topics) = world.get::<Topics>(node) else { return Vec::new() };
    let topic = |(name, id): (String, TopicId)| {
        let others = match name.as_str() {
            LOBBY => world.get::<Membership>(node).map_or(0, Membership::len),
            _ => topics.subscribers(&id).count(),
        };
        let (subscribed, relay) = (topics.is_subscribed(&id), topics.is_relay(&id));
        TopicView { subscribed, name, others, relay, counts: topics.counts(&id).unwrap_or_default() }
    };
    named_topics(world, node).into_iter().map(topic).collect()
}

fn members(world: &World, node: Entity, me: &NodeId) -> Vec<MemberView> {
    let Some(access) = world.get::<AccessList>(node) else { return Vec::new() };
    let membership = world.get::<Membership>(node);
    let mut ids: BTreeSet<NodeId> = membership.into_iter().flat_map(Membership::members).copied().collect();
    match &access.admitted {
        Some(admitted) => ids.extend(admitted),
        // Whoever came once to an open network is still written to.
        None => ids.extend(world.get::<Prekeys>(node).into_iter().flat_map(|prekeys| prekeys.others.keys())),
    }
    ids.retain(|id| id != me && access.is_member(id));
    let ways = world.get::<LinkState>(node).map(|links| links.tree(me));
    let mut all: Vec<MemberView> = ids.iter().map(|id| member(world, node, id, ways.as_ref())).collect();
    all.sort_by(|a, b| (a.presence, a.nick.is_none(), &a.nick, a.id).cmp(&(b.presence, b.nick.is_none(), &b.nick, b.id)));
    all
}

fn member(world: &World, node: Entity, id: &NodeId, ways: Option<&Tree>) -> MemberView {
    let is_here = world.get::<Membership>(node).is_some_and(|membership| membership.contains(id));
    let standing = world.get::<AddressBook>(node).and_then(|book| book.get(id)).map(|peer| peer.standing);
    let presence = match standing {
        Some(Standing::Alive) if is_here => Presence::Online,
        Some(Standing::Suspected { .. }) if is_here => Presence::Suspected,
        _ => Presence::Away,
    };
    let here = presence != Presence::Away;
    MemberView {
        id: *id,
        nick: nick_of(world, node, id),
        presence,
        round_trip: session_with(world, node, id).and_then(|session| world.get::<RoundTrip>(session)?.average),
        hops: ways.filter(|_| here).and_then(|ways| ways.hops(id)),
        sponsor: world.get::<Admission>(node).and_then(|admission| admission.sponsor(id)),
    }
}

fn session_with(world: &World, node: Entity, id: &NodeId) -> Option<Entity> {
    let open = |session: &Entity| {
        world.get::<Session>(*session).is_some_and(|state| state.phase == SessionPhase::Established && state.remote == Some(*id))
    };
    world.get::<Sessions>(node)?.iter().find(open)
}

fn status(world: &World, node: Entity) -> Status {
    let state = world.get::<Admission>(node).map_or(AdmissionState::Open, Admission::state);
    let links = world.get::<Neighbors>(node).map_or(0, Neighbors::len);
    let last = world.get::<LastRefusal>(node).and_then(|refusal| refusal.reason);
    match (state, last) {
        (AdmissionState::Revoked, _) => Status::Revoked { by: revoker(world, node) },
        (AdmissionState::Waiting, Some(CloseReason::Revoked)) => Status::Revoked { by: None },
        (AdmissionState::Waiting, Some(CloseReason::WrongNetworkKey)) => Status::WrongNetworkKey,
        (AdmissionState::Waiting, Some(CloseReason::OtherAdmission)) => {
            let settled = world.get::<Admission>(node).is_some_and(|admission| admission.ledger().is_some());
            Status::OtherAdmission { invite_only: true, settled }
        }
        (AdmissionState::Waiting, Some(CloseReason::OtherNetwork)) => Status::OtherNetwork,
        (AdmissionState::Waiting, reason) => unreached(world, node, reason).unwrap_or(Status::NotInvited),
        _ if links > 0 => Status::Connected { links },
        // Somebody says so, and has not shown it.
        (_, Some(CloseReason::Revoked)) => Status::Revoked { by: None },
        (AdmissionState::Founder { provisional: true }, Some(CloseReason::NotInvited)) => Status::Strangers,
        (state, Some(CloseReason::OtherAdmission)) => {
            let settled = matches!(state, AdmissionState::Founder { .. } | AdmissionState::Member);
            Status::OtherAdmission { invite_only: state != AdmissionState::Open, settled }
        }
        (state, Some(CloseReason::OtherNetwork)) if state != AdmissionState::Open => Status::OtherNetwork,
        // A member was not always one: what it was told before counts no more.
        (AdmissionState::Open, Some(CloseReason::NotInvited)) => Status::NotInvited,
        (_, Some(CloseReason::WrongNetworkKey)) => Status::WrongNetworkKey,
        (_, reason) if has_anybody(world, node) => {
            let failures = world.get::<Discovery>(node).map_or(0, Discovery::failures);
            Status::Searching { failures, last: reason }
        }
        _ => Status::Alone,
    }
}

/// Who has revoked this node.
fn revoker(world: &World, node: Entity) -> Option<String> {
    let by = world.get::<Admission>(node)?.revoker(&world.get::<Contact>(node)?.id)?;
    Some(with_key(&by, nick_of(world, node, &by).as_deref()))
}

/// How the search of a node goes that waits for an invitation and does not even reach anybody who could have one.
fn unreached(world: &World, node: Entity, last: Option<CloseReason>) -> Option<Status> {
    let failures = world.get::<Discovery>(node).map_or(0, Discovery::failures);
    let out_of_reach = matches!(last, Some(CloseReason::Unreachable | CloseReason::ConnectionRefused | CloseReason::HandshakeTimeout));
    (out_of_reach && failures > 0).then_some(Status::Searching { failures, last })
}

/// Whether there is anybody to be tried.
fn has_anybody(world: &World, node: Entity) -> bool {
    world.get::<Seeds>(node).is_some_and(|seeds| !seeds.0.is_empty()) || world.get::<AddressBook>(node).is_some_and(|book| !book.is_empty())
}
