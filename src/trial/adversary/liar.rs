//! Members who lie about what they have, and flood others.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::query::QueryData;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::super::streams::{Purpose, stream};
use super::lies::{self, Flood};
use crate::kernel::{AddressBook, Clock, Contact, Instant, Keys, NetworkTag, Node, Outgoing, Session, SessionPhase, Sessions};
use crate::mesh::admission::Admission;
use crate::mesh::chat::Chat;
use crate::mesh::routing::SendTo;
use crate::wire::NodeId;
use crate::wire::chat::SyncMessage;
use crate::wire::routing::DatagramBody;

/// How much a liar does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Malice {
    pub lies: f64,
    /// Messages a second.
    pub floods: f64,
    pub until: Instant,
}

/// The liars of one world.
#[derive(Resource)]
pub(super) struct Liars(BTreeMap<u32, Liar>);

struct Liar {
    malice: Malice,
    rng: ChaCha8Rng,
    /// When it sends the next message of its flood.
    next: Instant,
}

impl Liars {
    pub fn new(liars: &[(u32, Malice)], seed: u64) -> Self {
        let liar = |(node, malice): &(u32, Malice)| {
            // Not the stream that it has if it mistreats what it passes on, too.
            let mut liar = Liar { malice: *malice, rng: stream(seed, Purpose::Adversary, *node, 1), next: Instant::ZERO };
            liar.turn();
            (*node, liar)
        };
        Self(liars.iter().map(liar).collect())
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|liar| liar.next).filter(|next| *next != Instant::NEVER).min()
    }
}

impl Liar {
    fn turn(&mut self) {
        let gap = self.rng.random_range(0.5..1.5);
        self.next = match self.malice.floods {
            0.0 => Instant::NEVER,
            rate => Duration::try_from_secs_f64(gap / rate).map_or(Instant::NEVER, |gap| self.next + gap),
        };
        if self.next >= self.malice.until {
            self.next = Instant::NEVER;
        }
    }
}

/// What a liar lies with.
#[derive(QueryData)]
pub(super) struct Means {
    pub entity: Entity,
    pub node: &'static Node,
    pub me: &'static Contact,
    pub keys: &'static Keys,
    pub network: &'static NetworkTag,
    pub book: &'static AddressBook,
    pub chat: &'static Chat,
    pub admission: Option<&'static Admission>,
    pub sessions: Option<&'static Sessions>,
}

/// Lies in what it tells when logs are compared.
pub(super) fn lie(nodes: Query<&Node>, mut liars: ResMut<Liars>, mut asked: ResMut<Messages<SendTo>>) {
    let wanted: Vec<SendTo> = asked.drain().collect();
    for mut message in wanted {
        if let DatagramBody::Sync(SyncMessage::Heads { heads, .. }) = &mut message.body
            && let Some(liar) = nodes.get(message.node).ok().and_then(|node| liars.0.get_mut(&node.ordinal))
            && liar.rng.random::<f64>() < liar.malice.lies
        {
            lies::about(heads, &mut liar.rng);
        }
        asked.write(message);
    }
}

/// Sends what nobody has asked for.
pub(super) fn flood(
    clock: Res<Clock>,
    nodes: Query<Means>,
    sessions: Query<&Session>,
    mut liars: ResMut<Liars>,
    mut send: MessageWriter<SendTo>,
    mut outgoing: MessageWriter<Outgoing>,
) {
    let mut means: BTreeMap<u32, MeansItem> = nodes.iter().map(|it| (it.node.ordinal, it)).collect();
    means.retain(|ordinal, it| it.node.is_up() && liars.0.contains_key(ordinal));
    for (ordinal, liar) in &mut liars.0 {
        while liar.next < clock.end() {
            let at = liar.next.max(clock.start());
            liar.turn();
            let Some(it) = means.get(ordinal) else { continue };
            let Some((to, _)) = it.book.pick(&mut liar.rng, |_, _| true) else { continue };
            match lies::flood(it, at, &mut liar.rng) {
                Some(Flood::Chat(message)) => {
                    send.write(SendTo { node: it.entity, to, body: DatagramBody::Sync(message), at });
                }
                Some(Flood::Admission(message)) => {
                    for (_, session) in open_sessions(it, &sessions) {
                        outgoing.write(Outgoing { session, at, message: message.clone().into() });
                    }
                }
                None => {}
            }
        }
    }
}

/// Its open sessions, in an order that is the same in whichever world it lives.
fn open_sessions(it: &MeansItem, sessions: &Query<&Session>) -> Vec<(NodeId, Entity)> {
    let open = |entity: Entity| {
        let session = sessions.get(entity).ok().filter(|session| session.phase == SessionPhase::Established)?;
        Some((session.remote?, entity))
    };
    let mut all: Vec<(NodeId, Entity)> = it.sessions.iter().flat_map(|all| all.iter()).filter_map(open).collect();
    all.sort_unstable_by_key(|(remote, _)| *remote);
    all
}
