//! Scuttlebutt reconciliation (van Renesse, Dumitriu, Gough, Thomas: "Efficient Reconciliation and Flow Control for Anti-Entropy
//! Protocols", LADIS 2008), as a state machine without ECS.
//!
//! A digest says how much of each namespace somebody has, a delta brings what is missing. When a delta does not fit its budget,
//! *scuttle-depth* decides (section 3.1): those first of whom most is missing; and of each namespace the oldest versions first, so
//! that "all up to this version" stays true.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::namespace::{MAX_KEYS, Namespace, is_genuine, sign_entry, sign_heartbeat, verify_heartbeat};
use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::wire::{Digest, DigestEntry, Entry, Update};

/// Most members, the node itself included.
pub const MAX_MEMBERS: usize = 16_384;
/// Most graves kept, so that stale gossip brings nobody back.
const MAX_GRAVES: usize = 16_384;
/// Bytes of a digest entry, at most about.
const DIGEST_ENTRY: usize = 48;

/// All that a node knows of the members.
#[derive(Debug)]
pub struct Scuttlebutt {
    me: NodeId,
    members: BTreeMap<NodeId, Namespace>,
    /// Who was forgotten or left, with the last life and heartbeat known: only a later one brings it back.
    graves: BTreeMap<NodeId, (u64, u64)>,
    /// The heartbeat that the own signature is for.
    signed: u64,
}

/// What a delta brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A member that was not known, or begins a new life.
    Joined(NodeId),
    /// A newer heartbeat.
    Heartbeat(NodeId),
    /// New entries.
    Changed(NodeId),
}

/// Somebody sent what its alleged owner never wrote, or more than is allowed.
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[error("an update for {owner} was not written by it, or breaks the limits")]
pub struct Forged {
    /// In whose name.
    pub owner: NodeId,
}

impl Scuttlebutt {
    /// A node that knows itself.
    pub fn new(identity: &Identity, incarnation: u64) -> Self {
        let me = identity.id();
        let own = Namespace::new(incarnation, 1, sign_heartbeat(identity, incarnation, 1));
        Self { me, members: BTreeMap::from([(me, own)]), graves: BTreeMap::new(), signed: 1 }
    }

    /// All members, the node itself included, by id.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&NodeId, &Namespace)> {
        self.members.iter()
    }

    /// What is known of `id`.
    pub fn get(&self, id: &NodeId) -> Option<&Namespace> {
        self.members.get(id)
    }

    /// The node's own heart beats.
    pub fn beat(&mut self) {
        if let Some(own) = self.members.get_mut(&self.me) {
            own.heartbeat += 1;
        }
    }

    /// Begins a new life with the same entries, signed anew.
    pub fn begin_life(&mut self, identity: &Identity, incarnation: u64) {
        let Some(own) = self.members.get_mut(&self.me) else { return };
        own.incarnation = incarnation;
        own.heartbeat += 1;
        for (index, entry) in own.entries.iter_mut().enumerate() {
            let fresh = sign_entry(identity, incarnation, entry.key.clone(), entry.value.clone(), index as u64 + 1);
            *entry = Arc::new(fresh);
        }
        own.version = own.entries.len() as u64;
        self.signed = 0;
    }

    /// Writes `key` in the node's own namespace; `None` deletes it and leaves a tombstone. False if there are too many keys.
    pub fn set(&mut self, identity: &Identity, key: &str, value: Option<Vec<u8>>) -> bool {
        let Some(own) = self.members.get_mut(&self.me) else { return false };
        if own.entries.len() >= MAX_KEYS && !own.entries.iter().any(|entry| entry.key == key) {
            // The oldest tombstone has been everywhere by now.
            let Some(oldest) = own.entries.iter().position(|entry| entry.value.is_none()) else { return false };
            own.entries.remove(oldest);
        }
        let entry = sign_entry(identity, own.incarnation, key.to_owned(), value, own.version + 1);
        own.put(Arc::new(entry));
        true
    }

    /// Forgets a member; stale gossip will not bring it back.
    pub fn bury(&mut self, id: &NodeId, incarnation: u64) -> bool {
        let Some(member) = self.members.get(id).filter(|member| *id != self.me && member.incarnation <= incarnation) else { return false };
        let grave = (member.incarnation.max(if incarnation == u64::MAX { 0 } else { incarnation }), member.heartbeat);
        if self.graves.len() >= MAX_GRAVES {
            self.graves.pop_first();
        }
        // Whoever left in a life does not come back in it, whatever its heartbeat.
        let grave = if incarnation == u64::MAX { grave } else { (grave.0, u64::MAX) };
        self.graves.insert(*id, grave);
        self.members.remove(id);
        true
    }

    /// A digest of at most `budget` bytes, of the members that `alive` accepts, going round from `start`.
    pub fn digest(&self, start: &NodeId, budget: usize, alive: impl Fn(&NodeId) -> bool) -> Digest {
        let most = (budget / DIGEST_ENTRY).max(1);
        let mut round = self.round_from(start).filter(|(id, _)| alive(id));
        let entries: Box<[_]> = round.by_ref().take(most).map(|(id, member)| member.digest(*id)).collect();
        Digest { end: round.next().map(|(id, _)| *id), entries }
    }

    /// Members from `start` round the ring.
    fn round_from<'a>(&'a self, start: &NodeId) -> impl Iterator<Item = (&'a NodeId, &'a Namespace)> + use<'a> {
        let start = *start;
        self.members.range(start..).chain(self.members.range(..start))
    }

    /// What a digest's sender lacks, within `budget` bytes, and what this node lacks of what it has.
    pub fn reconcile(
        &mut self,
        identity: &Identity,
        digest: &Digest,
        budget: usize,
        alive: impl Fn(&NodeId) -> bool,
    ) -> (Box<[Update]>, Box<[DigestEntry]>) {
        self.sign_own(identity);
        let mut wants = Vec::new();
        let mut stale = Vec::new();
        for theirs in &digest.entries {
            match self.members.get(&theirs.owner) {
                Some(mine) => {
                    let (ours, their) =
                        ((mine.incarnation, mine.version, mine.heartbeat), (theirs.incarnation, theirs.version, theirs.heartbeat));
                    let same_life = mine.incarnation == theirs.incarnation;
                    if their.0 > ours.0 || same_life && (their.1 > ours.1 || their.2 > ours.2) {
                        wants.push(mine.digest(theirs.owner));
                    }
                    if ours.0 > their.0 || same_life && (ours.1 > their.1 || ours.2 > their.2) {
                        stale.push((theirs.owner, if same_life { *theirs } else { nothing(theirs.owner) }));
                    }
                }
                None if self.is_risen(theirs) => wants.push(nothing(theirs.owner)),
                None => {}
            }
        }
        // Ids on the stretch that are not in the digest: its sender does not know them. It is sorted, going round.
        if let Some(first) = digest.entries.first().map(|entry| entry.owner).or(digest.end) {
            let listed: BTreeMap<NodeId, ()> = digest.entries.iter().map(|entry| (entry.owner, ())).collect();
            let unknown =
                self.round_from(&first).take_while(|(id, _)| digest.end.is_none_or(|end| **id != end && is_between(&first, id, &end)));
            stale.extend(unknown.filter(|(id, _)| !listed.contains_key(id) && alive(id)).map(|(id, _)| (*id, nothing(*id))));
        } else {
            stale.extend(self.members.keys().filter(|id| alive(id)).map(|id| (*id, nothing(*id))));
        }
        wants.truncate(budget / DIGEST_ENTRY);
        (self.delta(&stale, budget), wants.into())
    }

    /// What somebody lacks who has `wants`, within `budget` bytes.
    pub fn answer(&mut self, identity: &Identity, wants: &[DigestEntry], budget: usize) -> Box<[Update]> {
        self.sign_own(identity);
        let stale: Vec<_> = wants
            .iter()
            .filter_map(|theirs| {
                let mine = self.members.get(&theirs.owner)?;
                let same_life = mine.incarnation == theirs.incarnation;
                Some((theirs.owner, if same_life { *theirs } else { nothing(theirs.owner) }))
            })
            .collect();
        self.delta(&stale, budget)
    }

    /// The delta for somebody whose stale namespaces are `stale`, in scuttle-depth order.
    fn delta(&self, stale: &[(NodeId, DigestEntry)], budget: usize) -> Box<[Update]> {
        let mut order: Vec<_> = stale
            .iter()
            .filter_map(|(owner, theirs)| {
                let mine = self.members.get(owner)?;
                let missing = mine.entries.iter().filter(|entry| entry.version > theirs.version).count();
                Some((std::cmp::Reverse((missing, mine.heartbeat.saturating_sub(theirs.heartbeat))), *owner, mine, theirs.version))
            })
            .collect();
        order.sort_unstable_by_key(|(depth, owner, ..)| (*depth, *owner));
        let mut left = budget;
        let mut delta = Vec::new();
        for (_, owner, mine, version) in order {
            let mut update =
                Update { owner, incarnation: mine.incarnation, heartbeat: mine.heartbeat, signature: mine.signature, entries: Vec::new() };
            let mut size = update.head_len();
            for entry in mine.entries.iter().filter(|entry| entry.version > version) {
                size += entry.encoded_len();
                if size > left {
                    break;
                }
                update.entries.push(entry.clone());
            }
            // Of a namespace from which no entry fits, a heartbeat may.
            let size = update.head_len() + update.entries.iter().map(|entry| entry.encoded_len()).sum::<usize>();
            if size > left {
                break;
            }
            left -= size;
            delta.push(update);
        }
        delta.into()
    }

    /// Takes an update in. Nothing changes unless its owner signed all that is new in it.
    ///
    /// # Errors
    /// [`Forged`], which its sender must answer for.
    pub fn apply(&mut self, identity: &Identity, update: &Update, mode: CryptoMode, news: &mut Vec<News>) -> Result<(), Forged> {
        let owner = update.owner;
        let forged = Forged { owner };
        if owner == self.me {
            self.outbid(identity, update, mode);
            return Ok(());
        }
        let known = self.members.get(&owner);
        let (life, heartbeat, version) = known.map_or((0, 0, 0), |member| (member.incarnation, member.heartbeat, member.version));
        let new_life = update.incarnation > life;
        let version = if new_life { 0 } else { version };
        let beats = new_life || update.incarnation == life && update.heartbeat > heartbeat;
        let first_new = update.entries.partition_point(|entry| entry.version <= version);
        let entries = if update.incarnation < life { &[] } else { &update.entries[first_new..] };
        if !beats && entries.is_empty() {
            return Ok(());
        }
        if known.is_none() && (self.members.len() >= MAX_MEMBERS || !self.is_risen(&update_digest(update))) {
            return Ok(());
        }
        let ascending = entries.windows(2).all(|pair| pair[0].version < pair[1].version);
        if entries.len() > MAX_KEYS || !ascending || entries.iter().any(|entry| !is_genuine(&owner, update.incarnation, entry, mode)) {
            return Err(forged);
        }
        if beats {
            verify_heartbeat(&owner, update.incarnation, update.heartbeat, &update.signature, mode).map_err(|_| forged)?;
        }
        let fresh = || Namespace::new(update.incarnation, update.heartbeat, update.signature);
        let member = self.members.entry(owner).or_insert_with(fresh);
        if new_life {
            *member = fresh();
        }
        if member.entries.len() + entries.len() > MAX_KEYS * 2 {
            return Err(forged);
        }
        for entry in entries {
            member.put(entry.clone());
        }
        if new_life {
            self.graves.remove(&owner);
            news.push(News::Joined(owner));
        } else if !entries.is_empty() {
            news.push(News::Changed(owner));
        }
        if beats {
            member.heartbeat = update.heartbeat;
            member.signature = update.signature;
            news.push(News::Heartbeat(owner));
        }
        Ok(())
    }

    /// Somebody still spreads an earlier life of this node that looks later than the present one: begin one that is later still.
    fn outbid(&mut self, identity: &Identity, update: &Update, mode: CryptoMode) {
        let Some(own) = self.members.get(&self.me) else { return };
        let ahead = (update.incarnation, update.heartbeat) > (own.incarnation, own.heartbeat);
        if ahead && verify_heartbeat(&self.me, update.incarnation, update.heartbeat, &update.signature, mode).is_ok() {
            self.begin_life(identity, update.incarnation + 1);
        }
    }

    /// Whether what is told of a forgotten member is later than its end.
    fn is_risen(&self, told: &DigestEntry) -> bool {
        self.graves.get(&told.owner).is_none_or(|(life, heartbeat)| (told.incarnation, told.heartbeat) > (*life, *heartbeat))
    }

    /// Signs the own heartbeat, once for each that is told to anybody.
    fn sign_own(&mut self, identity: &Identity) {
        if let Some(own) = self.members.get_mut(&self.me)
            && own.heartbeat != self.signed
        {
            own.signature = sign_heartbeat(identity, own.incarnation, own.heartbeat);
            self.signed = own.heartbeat;
        }
    }
}

/// What somebody has of a namespace who knows nothing of it.
fn nothing(owner: NodeId) -> DigestEntry {
    DigestEntry { owner, incarnation: 0, heartbeat: 0, version: 0 }
}

fn update_digest(update: &Update) -> DigestEntry {
    let version = update.entries.last().map_or(0, |entry: &Arc<Entry>| entry.version);
    DigestEntry { owner: update.owner, incarnation: update.incarnation, heartbeat: update.heartbeat, version }
}

/// Whether `id` comes before `end` on the way round from `first`.
fn is_between(first: &NodeId, id: &NodeId, end: &NodeId) -> bool {
    if first <= end { first <= id && id < end } else { id >= first || id < end }
}

#[cfg(test)]
#[path = "scuttlebutt_tests.rs"]
mod tests;
