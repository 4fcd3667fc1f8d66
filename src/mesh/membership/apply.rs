//! What a delta changes: only what is newer is looked at, and only what its owner signed is believed.

use std::sync::Arc;

use super::exchange::Violation;
use super::signing::Verifier;
use super::state::{ADDRESS, MAX_ENTRIES, MAX_KEY, MAX_MEMBERS, MAX_VALUE, Member, State};
use crate::crypto::{BadSignature, CryptoMode, NodeId};
use crate::wire::Address;
use crate::wire::membership::{Entry, News, SignedHeartbeat};

/// Something that a delta brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A member is held that was not, or a new life of one that was.
    Joined {
        /// Who.
        member: NodeId,
        /// Where it is reached.
        address: Address,
        /// Which life.
        incarnation: u64,
    },
    /// A newer heartbeat.
    Beat {
        /// Whose.
        member: NodeId,
        /// Whether it had been suspected.
        revived: bool,
    },
    /// A key other than the address was written, or deleted.
    Key {
        /// In whose namespace.
        member: NodeId,
        /// Which.
        key: Box<str>,
        /// Its value.
        value: Option<Box<[u8]>>,
    },
    /// Others hold more of this node than it has written in this life: it must begin a life after this incarnation.
    Outlived(u64),
}

impl From<BadSignature> for Violation {
    fn from(_: BadSignature) -> Self {
        Self
    }
}

/// Takes in news of one member; what they change is added to `changes`.
///
/// # Errors
/// If a signature does not hold or a limit is broken: whoever passed it on had to check that too. What came before the breach
/// in the same news is kept, it was in order.
pub fn apply(
    state: &mut State,
    news: &News,
    verifier: &mut Verifier,
    mode: CryptoMode,
    changes: &mut Vec<Change>,
) -> Result<(), Violation> {
    if state.own == Some(news.owner) {
        return apply_own(state, news, verifier, mode, changes);
    }
    match state.find(&news.owner) {
        Ok(index) if state.known[index].incarnation == news.incarnation => apply_same_life(state, index, news, verifier, mode, changes),
        Ok(index) if state.known[index].incarnation > news.incarnation => Ok(()),
        place => apply_new_life(state, place, news, verifier, mode, changes),
    }
}

/// Nobody but this node writes here. If its own signature shows that it wrote more, that was in an earlier life.
fn apply_own(state: &State, news: &News, verifier: &mut Verifier, mode: CryptoMode, changes: &mut Vec<Change>) -> Result<(), Violation> {
    let Some((known, _)) = state.member(&news.owner) else { return Ok(()) };
    if news.incarnation < known.incarnation {
        return Ok(());
    }
    let later = news.incarnation > known.incarnation;
    if let Some(heartbeat) = news.heartbeat.filter(|heartbeat| later || heartbeat.count > known.heartbeat) {
        verifier.heartbeat(&news.owner, news.incarnation, &heartbeat, mode)?;
        changes.push(Change::Outlived(news.incarnation));
    } else if let Some(entry) = news.entries.iter().find(|entry| later || entry.version > known.version) {
        check(entry, &news.owner, news.incarnation, verifier, mode)?;
        changes.push(Change::Outlived(news.incarnation));
    }
    Ok(())
}

/// A member that is not held, or a later life of one that is. It begins with a heartbeat and the address.
fn apply_new_life(
    state: &mut State,
    place: Result<usize, usize>,
    news: &News,
    verifier: &mut Verifier,
    mode: CryptoMode,
    changes: &mut Vec<Change>,
) -> Result<(), Violation> {
    // News of the life that was held a moment ago may lack both.
    let (Some(heartbeat), Some(first)) = (news.heartbeat, news.entries.first()) else { return Ok(()) };
    let stale = state.gone.get(&news.owner).is_some_and(|gone| gone.covers(news.incarnation, heartbeat.count));
    if stale || place.is_err() && state.members.len() >= MAX_MEMBERS {
        return Ok(());
    }
    if news.after > 0 {
        return Ok(());
    }
    let address = address_of(first).ok_or(Violation)?;
    check(first, &news.owner, news.incarnation, verifier, mode)?;
    verifier.heartbeat(&news.owner, news.incarnation, &heartbeat, mode)?;
    let mut member = Member { id: news.owner, heartbeat, entries: Default::default() };
    member.entries.push(Arc::clone(first));
    let index = match place {
        Ok(index) => {
            state.remove(&news.owner);
            index
        }
        Err(index) => index,
    };
    state.insert(index, news.incarnation, member);
    state.known[index].version = first.version;
    changes.push(Change::Joined { member: news.owner, address, incarnation: news.incarnation });
    apply_entries(state, index, news, verifier, mode, changes)
}

fn apply_same_life(
    state: &mut State,
    index: usize,
    news: &News,
    verifier: &mut Verifier,
    mode: CryptoMode,
    changes: &mut Vec<Change>,
) -> Result<(), Violation> {
    let known = &mut state.known[index];
    if let Some(heartbeat) = news.heartbeat.filter(|heartbeat| heartbeat.count > known.heartbeat) {
        verifier.heartbeat(&news.owner, news.incarnation, &heartbeat, mode)?;
        let member = &mut state.members[usize::from(known.slot)];
        let SignedHeartbeat { count, collected, .. } = heartbeat;
        if collected > known.collected {
            if known.version < collected {
                // Some deletions can no longer be learnt: read the namespace anew.
                let dropped = member.entries.drain(..).filter(|entry| !entry.deleted && &*entry.key != ADDRESS);
                changes.extend(dropped.map(|entry| Change::Key { member: news.owner, key: entry.key.clone(), value: None }));
                known.version = 0;
            } else {
                member.drop_tombstones(collected);
            }
            known.collected = collected;
        }
        known.heartbeat = count;
        member.heartbeat = heartbeat;
        changes.push(Change::Beat { member: news.owner, revived: known.suspected });
        known.suspected = false;
    }
    apply_entries(state, index, news, verifier, mode, changes)
}

fn apply_entries(
    state: &mut State,
    index: usize,
    news: &News,
    verifier: &Verifier,
    mode: CryptoMode,
    changes: &mut Vec<Change>,
) -> Result<(), Violation> {
    let known = &mut state.known[index];
    let member = &mut state.members[usize::from(known.slot)];
    // While the namespace is read anew, what somebody has who has not heard of the deletions yet would bring deleted keys back.
    let reads_anew = known.version < known.collected;
    let outdated = reads_anew && news.heartbeat.is_none_or(|heartbeat| heartbeat.collected < known.collected);
    if known.version < news.after || outdated {
        return Ok(());
    }
    for entry in &news.entries {
        if entry.version <= known.version {
            continue;
        }
        let replaces = member.entries.iter().any(|held| held.key == entry.key);
        if !replaces && member.entries.len() >= MAX_ENTRIES || &*entry.key == ADDRESS && entry.version != 1 {
            return Err(Violation);
        }
        check(entry, &news.owner, news.incarnation, verifier, mode)?;
        known.version = entry.version;
        member.put(Arc::clone(entry));
        if &*entry.key != ADDRESS {
            let value = (!entry.deleted).then(|| entry.value.clone());
            changes.push(Change::Key { member: news.owner, key: entry.key.clone(), value });
        }
        if entry.deleted && entry.version <= known.collected {
            // Whoever passes it on has not heard yet that its owner no longer keeps it.
            member.drop_tombstones(known.collected);
        }
    }
    Ok(())
}

fn check(entry: &Entry, owner: &NodeId, incarnation: u64, verifier: &Verifier, mode: CryptoMode) -> Result<(), Violation> {
    let fits = entry.key.len() <= MAX_KEY && entry.value.len() <= MAX_VALUE && (!entry.deleted || entry.value.is_empty());
    if !fits {
        return Err(Violation);
    }
    Ok(verifier.entry(owner, incarnation, entry, mode)?)
}

/// The address that the first entry of a namespace holds.
fn address_of(entry: &Entry) -> Option<Address> {
    let first = &*entry.key == ADDRESS && entry.version == 1 && !entry.deleted;
    Address::from_bytes(&entry.value).filter(|_| first)
}
