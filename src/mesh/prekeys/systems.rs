//! Prekeys are made, announced, learnt and erased.

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;
use rand::Rng;
use zeroize::Zeroizing;

use super::{MAX_OTHERS, PREKEY, PrekeyConfig};
use crate::crypto::{Prekey, Secret, prekey_pair};
use crate::kernel::{
    AccessList, AddressBook, Fired, Instant, KeyRng, Node, NodeClock, NodeStarted, OwnPrekey, Persist, Prekeys, Restored, Timers, row,
};
use crate::mesh::membership::{KeyChanged, SetKey};
use crate::wire::NodeId;

/// A prekey shall be replaced or erased.
#[derive(Clone, Copy, Debug)]
pub(super) struct RotationTimer;

/// The kinds of rows in the store: own prekeys by public half, those of others by member.
const OWN: &str = "prekey";
const OTHER: &str = "peer-prekey";

/// Where changes go.
#[derive(SystemParam)]
pub(super) struct Outlets<'w> {
    announce: MessageWriter<'w, SetKey>,
    persist: MessageWriter<'w, Persist>,
    timers: ResMut<'w, Timers<RotationTimer>>,
}

impl Outlets<'_> {
    fn keep(&mut self, node: Entity, own: &OwnPrekey) {
        let mut value = Zeroizing::new(Vec::with_capacity(32 + 8 + 8));
        value.extend_from_slice(&own.secret.0);
        value.extend_from_slice(&own.since.as_nanos().to_le_bytes());
        value.extend_from_slice(&own.until.unwrap_or(Instant::NEVER).as_nanos().to_le_bytes());
        self.persist.write(Persist::keep(node, row(OWN, &own.public.0), value));
    }

    /// Sets the timer for whatever is due first.
    fn arm(&mut self, entity: Entity, node: &Node, clock: &NodeClock, config: &PrekeyConfig, prekeys: &Prekeys) {
        let due = prekeys.own.iter().map(|own| own.until.unwrap_or_else(|| clock.after(own.since, config.rotation))).min();
        if let Some(due) = due {
            self.timers.set(entity, node, due, RotationTimer);
        }
    }
}

/// Takes in what an earlier life has kept.
pub(super) fn restore(mut restored: MessageReader<Restored>, mut nodes: Query<&mut Prekeys>) {
    for message in restored.read() {
        let Ok(mut prekeys) = nodes.get_mut(message.node) else { continue };
        if let Some(public) = message.of_kind(OWN) {
            let (Ok(public), Some((secret, times))) = (public.try_into(), message.value.split_first_chunk()) else { continue };
            let (Some((since, rest)), Some(until)) = (times.split_first_chunk(), times.last_chunk()) else { continue };
            if rest.len() != 8 {
                continue;
            }
            let until = Some(Instant::from_nanos(u64::from_le_bytes(*until))).filter(|until| *until != Instant::NEVER);
            let since = Instant::from_nanos(u64::from_le_bytes(*since));
            prekeys.own.push(OwnPrekey { secret: Secret(*secret), public: Prekey(public), since, until, restored: true });
        } else if let Some(member) = message.of_kind(OTHER)
            && let (Ok(member), Ok(prekey)) = (member.try_into(), message.value.as_slice().try_into())
        {
            prekeys.others.insert(NodeId(member), Prekey(prekey));
        }
    }
}

/// Begins with the keys of an earlier life, or with a new one.
pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut restored: MessageReader<Restored>,
    config: Res<PrekeyConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut KeyRng, &mut Prekeys)>,
    mut out: Outlets,
) {
    let kept: Vec<Entity> = restored.read().map(|message| message.node).collect();
    for NodeStarted { node: entity, at, with_memory } in started.read().copied() {
        let Ok((node, clock, mut rng, mut prekeys)) = nodes.get_mut(entity) else { continue };
        if !with_memory && !kept.contains(&entity) {
            *prekeys = Prekeys::default();
        }
        // The one that was announced last stands last. Its clock may have been ahead.
        prekeys.own.sort_by_key(|own| (own.until.is_none(), own.since));
        for own in &mut prekeys.own {
            own.since = own.since.min(at);
            own.until = own.until.map(|until| until.min(clock.after(at, config.grace)));
        }
        turn(entity, at, (clock, &mut rng), &config, &mut prekeys, &mut out);
        if let Some(own) = prekeys.own.last() {
            out.announce.write(SetKey { node: entity, key: PREKEY.to_owned(), value: Some(own.public.0.to_vec()), at });
        }
        out.arm(entity, node, clock, &config, &prekeys);
    }
}

/// Replaces and erases what is due.
pub(super) fn rotate(
    mut fired: MessageReader<Fired<RotationTimer>>,
    config: Res<PrekeyConfig>,
    mut nodes: Query<(&Node, &NodeClock, &mut KeyRng, &mut Prekeys)>,
    mut out: Outlets,
) {
    for Fired { node: entity, at, .. } in fired.read() {
        let Ok((node, clock, mut rng, mut prekeys)) = nodes.get_mut(*entity) else { continue };
        let announced = prekeys.own.last().map(|own| own.public);
        turn(*entity, *at, (clock, &mut rng), &config, &mut prekeys, &mut out);
        if let Some(own) = prekeys.own.last().filter(|own| Some(own.public) != announced) {
            out.announce.write(SetKey { node: *entity, key: PREKEY.to_owned(), value: Some(own.public.0.to_vec()), at: *at });
        }
        out.arm(*entity, node, clock, &config, &prekeys);
    }
}

fn turn(
    node: Entity,
    at: Instant,
    (clock, rng): (&NodeClock, &mut KeyRng),
    config: &PrekeyConfig,
    prekeys: &mut Prekeys,
    out: &mut Outlets,
) {
    prekeys.own.retain(|own| {
        let stays = own.until.is_none_or(|until| until > at);
        if !stays {
            out.persist.write(Persist::forget(node, row(OWN, &own.public.0)));
        }
        stays
    });
    let current = prekeys.own.last_mut().filter(|own| own.until.is_none());
    if current.as_ref().is_some_and(|own| !own.restored && clock.after(own.since, config.rotation) > at) {
        return;
    }
    if let Some(own) = current {
        own.until = Some(clock.after(at, config.grace));
        out.keep(node, own);
    }
    let mut random = Secret([0; 32]);
    rng.0.fill_bytes(&mut random.0);
    let (secret, public) = prekey_pair(&random.0);
    let own = OwnPrekey { secret, public, since: at, until: None, restored: false };
    out.keep(node, &own);
    prekeys.own.push(own);
}

/// Learns what others announce. What was known of somebody who is away stays.
pub(super) fn learn(
    mut changed: MessageReader<KeyChanged>,
    mut nodes: Query<(&mut Prekeys, &AddressBook, &AccessList)>,
    mut persist: MessageWriter<Persist>,
) {
    for KeyChanged { node, member, value, .. } in changed.read().filter(|change| &*change.key == PREKEY) {
        let (Ok((mut prekeys, book, access)), Some(Ok(public))) = (nodes.get_mut(*node), value.as_deref().map(<[u8; 32]>::try_from)) else {
            continue;
        };
        let prekey = Prekey(public);
        if prekeys.others.len() >= MAX_OTHERS && !prekeys.others.contains_key(member) {
            // Of those who are away one makes room, or names that were made up once would keep all others out for ever. First who is no
            // member any more.
            let away = |other: &&NodeId| book.get(other).is_none();
            let strangers = prekeys.others.keys().filter(away).find(|other| !access.is_member(other));
            let Some(away) = strangers.or_else(|| prekeys.others.keys().find(away)).copied() else { continue };
            prekeys.others.swap_remove(&away);
            persist.write(Persist::forget(*node, row(OTHER, &away.0)));
        }
        if prekeys.others.insert(*member, prekey) != Some(prekey) {
            persist.write(Persist::keep(*node, row(OTHER, &member.0), public.to_vec()));
        }
    }
}
