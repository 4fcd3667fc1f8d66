//! What a node holds of all members, itself included: one namespace each.
//!
//! The state is split by use. [`Known`] is what every exchange looks at for every member: 32 bytes, in the order of the ids,
//! read from front to back. [`Member`] is touched only when there is news. Entries are shared between the nodes of a process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;

use super::signing::{sign_entry, sign_heartbeat};
use crate::crypto::{Identity, NodeId};
use crate::kernel::Instant;
use crate::wire::Address;
use crate::wire::membership::{Entry, Prefix, SignedHeartbeat, Summary};

/// Most members a node holds, itself included. Not more than an address book holds peers.
pub const MAX_MEMBERS: usize = 16_384;
/// Most keys of a namespace, tombstones included.
pub const MAX_ENTRIES: usize = 64;
/// Longest key in bytes.
pub const MAX_KEY: usize = 64;
/// Longest value in bytes.
pub const MAX_VALUE: usize = 1024;
/// Most tombstones of members that were forgotten or left; beyond it the oldest go.
pub const MAX_GONE: usize = 16_384;
/// The key of every namespace's first entry, version 1: where the member is reached. It lasts for an incarnation.
pub const ADDRESS: &str = "address";
/// The key that holds what others call its owner.
pub const NICK: &str = "nick";

/// What an exchange needs to know of a member.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub prefix: u64,
    pub incarnation: u64,
    pub heartbeat: u32,
    pub version: u32,
    pub collected: u32,
    pub slot: u16,
    pub suspected: bool,
}

impl Known {
    pub fn summary(&self) -> Summary {
        let Self { prefix, incarnation, heartbeat, version, collected, suspected, .. } = *self;
        Summary { member: Prefix(prefix.to_be_bytes()), incarnation, heartbeat, version, collected, suspected }
    }
}

/// The rest.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: NodeId,
    pub heartbeat: SignedHeartbeat,
    /// One for each key, in the order of versions.
    pub entries: SmallVec<[Arc<Entry>; 2]>,
}

impl Member {
    /// Takes in an entry that is newer than all others.
    pub fn put(&mut self, entry: Arc<Entry>) {
        self.entries.retain(|old| old.key != entry.key);
        self.entries.push(entry);
    }

    /// Drops tombstones up to `version`.
    pub fn drop_tombstones(&mut self, version: u32) {
        self.entries.retain(|entry| !entry.deleted || entry.version > version);
    }

    /// Index of the first entry newer than `version`.
    pub fn first_after(&self, version: u32) -> usize {
        self.entries.partition_point(|entry| entry.version <= version)
    }
}

/// What is remembered of a member that is held no more: nothing up to this brings it back.
#[derive(Clone, Copy, Debug)]
pub struct Gone {
    pub incarnation: u64,
    pub heartbeat: u32,
    pub since: Instant,
}

impl Gone {
    pub fn covers(&self, incarnation: u64, heartbeat: u32) -> bool {
        (incarnation, heartbeat) <= (self.incarnation, self.heartbeat)
    }
}

/// All of it.
#[derive(Default, Debug)]
pub struct State {
    pub own: Option<NodeId>,
    /// By id.
    pub known: Vec<Known>,
    pub members: Vec<Member>,
    pub gone: BTreeMap<NodeId, Gone>,
    /// Own deletions, by age.
    pub deleted: VecDeque<(Instant, u32)>,
    /// Prefix from which the next digest goes on, when one does not hold all.
    pub cursor: u64,
}

pub fn prefix_of(id: &NodeId) -> u64 {
    u64::from_be_bytes(Prefix::from(id).0)
}

impl State {
    /// Index in `known` of `id`, or where it would stand.
    pub fn find(&self, id: &NodeId) -> Result<usize, usize> {
        let prefix = prefix_of(id);
        let mut index = self.known.partition_point(|known| known.prefix < prefix);
        // Almost always none or one.
        while let Some(known) = self.known.get(index).filter(|known| known.prefix == prefix) {
            match self.members[known.slot as usize].id.cmp(id) {
                std::cmp::Ordering::Less => index += 1,
                std::cmp::Ordering::Equal => return Ok(index),
                std::cmp::Ordering::Greater => break,
            }
        }
        Err(index)
    }

    /// What is held of `id`.
    pub fn member(&self, id: &NodeId) -> Option<(&Known, &Member)> {
        let known = &self.known[self.find(id).ok()?];
        Some((known, &self.members[known.slot as usize]))
    }

    /// Holds a new member, at the place that [`find`](Self::find) named.
    pub fn insert(&mut self, index: usize, incarnation: u64, member: Member) {
        let known = Known {
            prefix: prefix_of(&member.id),
            incarnation,
            heartbeat: member.heartbeat.count,
            version: 0,
            collected: member.heartbeat.collected,
            // `MAX_MEMBERS` sees to it that this fits.
            slot: self.members.len() as u16,
            suspected: false,
        };
        self.gone.remove(&member.id);
        self.members.push(member);
        self.known.insert(index, known);
    }

    /// Holds `id` no longer; says what was known of it.
    pub fn remove(&mut self, id: &NodeId) -> Option<Known> {
        let removed = self.known.remove(self.find(id).ok()?);
        let last = self.members.len() - 1;
        if removed.slot as usize != last {
            // The last member moves into the gap.
            let moved = self.members[last].id;
            if let Ok(index) = self.find(&moved) {
                self.known[index].slot = removed.slot;
            }
        }
        self.members.swap_remove(removed.slot as usize);
        Some(removed)
    }

    /// Remembers that nothing up to `incarnation` and `heartbeat` brings `id` back.
    pub fn bury(&mut self, id: NodeId, incarnation: u64, heartbeat: u32, since: Instant) {
        if self.gone.get(&id).is_some_and(|gone| gone.covers(incarnation, heartbeat)) {
            return;
        }
        if self.gone.len() >= MAX_GONE
            && let Some((oldest, _)) = self.gone.iter().min_by_key(|(_, gone)| gone.since)
        {
            let oldest = *oldest;
            self.gone.remove(&oldest);
        }
        self.gone.insert(id, Gone { incarnation, heartbeat, since });
    }

    /// Whether a tombstone covers a member of whom only a summary is known.
    pub fn buried(&self, prefix: u64, incarnation: u64, heartbeat: u32) -> bool {
        let (mut from, mut to) = ([0; 32], [0xff; 32]);
        from[..8].copy_from_slice(&prefix.to_be_bytes());
        to[..8].copy_from_slice(&prefix.to_be_bytes());
        self.gone.range(NodeId(from)..=NodeId(to)).any(|(_, gone)| gone.covers(incarnation, heartbeat))
    }

    /// Begins a life: what is held of others stays, own keys are signed anew.
    pub fn begin(&mut self, identity: &Identity, address: Address, incarnation: u64) {
        let id = identity.id();
        self.own = Some(id);
        let kept = self.member(&id).map(|(_, member)| member.entries.clone()).unwrap_or_default();
        self.remove(&id);
        self.deleted.clear();
        if let Err(index) = self.find(&id) {
            let heartbeat = sign_heartbeat(identity, incarnation, 1, 0);
            self.insert(index, incarnation, Member { id, heartbeat, entries: SmallVec::new() });
        }
        self.write(identity, ADDRESS, Some(&address.to_bytes()));
        // Tombstones belong to the life before, which nobody keeps.
        for entry in kept.iter().filter(|entry| !entry.deleted && &*entry.key != ADDRESS) {
            self.write(identity, &entry.key, Some(&entry.value));
        }
    }

    /// The next heartbeat.
    pub fn beat(&mut self, identity: &Identity) {
        let Ok(index) = self.find(&identity.id()) else { return };
        let known = &mut self.known[index];
        let member = &mut self.members[known.slot as usize];
        known.heartbeat = known.heartbeat.saturating_add(1);
        member.heartbeat = sign_heartbeat(identity, known.incarnation, known.heartbeat, known.collected);
    }

    /// Sets an own key, or with `None` deletes it; says whether the limits allowed it.
    pub fn set(&mut self, identity: &Identity, key: &str, value: Option<&[u8]>, at: Instant) -> bool {
        let Some((_, member)) = self.member(&identity.id()) else { return false };
        let present = member.entries.iter().find(|entry| &*entry.key == key);
        let allowed = key != ADDRESS
            && key.len() <= MAX_KEY
            && value.is_none_or(|value| value.len() <= MAX_VALUE)
            && match (present, value) {
                (None, Some(_)) => member.entries.len() < MAX_ENTRIES,
                (None, None) => false,
                // What is so already needs no new version.
                (Some(entry), Some(value)) => entry.deleted || *entry.value != *value,
                (Some(entry), None) => !entry.deleted,
            };
        if allowed {
            let version = self.write(identity, key, value);
            if value.is_none() {
                self.deleted.push_back((at, version));
            }
        }
        allowed
    }

    /// Drops own tombstones that were set at or before `before`. The next heartbeat tells others to do so too.
    pub fn collect(&mut self, identity: &Identity, before: Instant) {
        let Ok(index) = self.find(&identity.id()) else { return };
        // The newest entry stays whatever it is: others know how far they are by the entries they have.
        let newest = self.known[index].version;
        let mut collected = None;
        while let Some((_, version)) = self.deleted.pop_front_if(|(at, version)| *at <= before && *version < newest) {
            collected = Some(version);
        }
        let Some(version) = collected else { return };
        self.known[index].collected = version;
        self.members[self.known[index].slot as usize].drop_tombstones(version);
        self.beat(identity);
    }

    fn write(&mut self, identity: &Identity, key: &str, value: Option<&[u8]>) -> u32 {
        let Ok(index) = self.find(&identity.id()) else { return 0 };
        let known = &mut self.known[index];
        known.version = known.version.saturating_add(1);
        let entry = sign_entry(identity, known.incarnation, key, value, known.version);
        self.members[known.slot as usize].put(Arc::new(entry));
        known.version
    }
}
