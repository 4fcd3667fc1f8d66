//! One exchange of anti-entropy: digests, what follows from comparing them, and deltas in scuttle-depth order.
//!
//! Which of the news go first when not all fit is the flow control of the paper (section 3.2): *scuttle-depth* prefers the
//! members with the most outdated entries, and within one member the oldest versions, so that what a node knows of a
//! namespace is always all of it up to some version. A heartbeat counts as an entry here. Most members of a healthy mesh are
//! one heartbeat behind, so among equal depths the heartbeat that lags most goes first, which gives all members their turn,
//! and what is still equal is ordered differently in each exchange.

use super::state::{Known, State, prefix_of};
use crate::crypto::NodeId;
use crate::wire::limits::MAX_MESSAGE;
use crate::wire::membership::{Delta, Digest, News, Prefix, Summary};

/// Least size of news worth sending: those of one heartbeat.
const LEAST_NEWS: usize = News::base_size(0, 0) + 66;
/// Bytes of a message that are neither summaries nor news, rounded up.
const ENVELOPE: usize = 64;

/// The message breaks a rule of the protocol that honest peers obey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation;

/// A member of which somebody lacks something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Candidate {
    /// Outdated entries, the heartbeat included; then heartbeats that it lags; then chance.
    depth: (u32, u32, u64),
    /// What the one who lacks it has.
    has: (u64, u32, u32, u32),
    /// Index in `State::known`, or in the digest for a request.
    index: usize,
}

/// A member that has just become known, or is back.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    pub member: NodeId,
    /// Who told it, and need not be told.
    pub from: NodeId,
    /// Whether all of it is new; else its heartbeat is.
    pub whole: bool,
}

/// Lists that every exchange needs and none keeps.
#[derive(Default, Debug)]
pub struct Scratch {
    offers: Vec<Candidate>,
    wants: Vec<Candidate>,
}

/// Bytes that a digest or a delta may have.
pub fn budget(configured: usize) -> usize {
    configured.min(MAX_MESSAGE - ENVELOPE)
}

/// Bytes of a digest of all members.
pub fn digest_size(state: &State) -> usize {
    state.known.iter().map(|known| known.summary().size()).sum()
}

/// What `state` has, as far as it fits into `bytes`; at least one member. When not all fit, each digest goes on where the one
/// before ended.
pub fn digest(state: &mut State, bytes: usize) -> Digest {
    let known = &state.known;
    let mut left = bytes.saturating_sub(2 * size_of::<Prefix>() + 4);
    let start = known.partition_point(|known| known.prefix < state.cursor);
    let arc = || known[start..].iter().chain(&known[..start]);
    let mut fits = 0;
    for known in arc() {
        let size = known.summary().size();
        if size > left && fits > 0 {
            break;
        }
        left = left.saturating_sub(size);
        fits += 1;
    }
    if fits == known.len() {
        let summaries = known.iter().map(Known::summary).collect();
        return Digest { from: Prefix([0; 8]), to: Prefix([0xff; 8]), summaries };
    }
    // The arc ends right before the first that did not fit: who is not listed in between is not known.
    let summaries = arc().take(fits).map(Known::summary).collect();
    let next = arc().nth(fits).map_or(0, |known| known.prefix);
    let from = arc().next().map_or(0, |known| known.prefix);
    state.cursor = next;
    Digest { from: Prefix(from.to_be_bytes()), to: Prefix(next.wrapping_sub(1).to_be_bytes()), summaries }
}

/// Compares a partner's digest with `state`: what the partner lacks, and what to ask it for.
///
/// # Errors
/// If the digest is not in the order of its arc.
pub fn answer(
    state: &State,
    digest: &Digest,
    partner: &NodeId,
    (bytes, salt): (usize, u64),
    scratch: &mut Scratch,
) -> Result<(Delta, Vec<Summary>), Violation> {
    let Scratch { offers, wants } = scratch;
    offers.clear();
    wants.clear();
    let from = u64::from_be_bytes(digest.from.0);
    let offset = |prefix: u64| prefix.wrapping_sub(from);
    let span = offset(u64::from_be_bytes(digest.to.0));

    let start = state.known.partition_point(|known| known.prefix < from);
    let mut mine = (start..state.known.len()).chain(0..start).take_while(|index| offset(state.known[*index].prefix) <= span).peekable();
    let mut reached = 0;
    for (position, theirs) in digest.summaries.iter().enumerate() {
        let at = offset(u64::from_be_bytes(theirs.member.0));
        if at < reached || at > span {
            return Err(Violation);
        }
        reached = at;
        while let Some(index) = mine.next_if(|index| offset(state.known[*index].prefix) < at) {
            offer(state, index, &Summary::default(), partner, salt, offers);
        }
        let index = mine.next_if(|index| offset(state.known[*index].prefix) == at);
        match index {
            Some(index) => {
                offer(state, index, theirs, partner, salt, offers);
                want(state, Some(&state.known[index]), theirs, (position, salt), wants);
            }
            None => want(state, None, theirs, (position, salt), wants),
        }
    }
    for index in mine {
        offer(state, index, &Summary::default(), partner, salt, offers);
    }

    let (delta, used) = assemble(state, offers, bytes);
    // Everything that is asked for costs the partner at least this much of its own budget.
    let most = (bytes / LEAST_NEWS).max(1);
    keep_deepest(wants, most);
    let mut left = bytes.min((MAX_MESSAGE - ENVELOPE).saturating_sub(used));
    let mut requests = Vec::with_capacity(wants.len());
    for candidate in &*wants {
        let member = digest.summaries[candidate.index].member;
        let (incarnation, heartbeat, version, collected) = candidate.has;
        let request = Summary { member, incarnation, heartbeat, version, collected, suspected: false };
        if request.size() > left && !requests.is_empty() {
            break;
        }
        left = left.saturating_sub(request.size());
        requests.push(request);
    }
    Ok((delta, requests))
}

/// What a partner asked for.
pub fn fulfil(state: &State, requests: &[Summary], partner: &NodeId, (bytes, salt): (usize, u64), scratch: &mut Scratch) -> Delta {
    let offers = &mut scratch.offers;
    offers.clear();
    for theirs in requests {
        let prefix = u64::from_be_bytes(theirs.member.0);
        let first = state.known.partition_point(|known| known.prefix < prefix);
        for index in (first..state.known.len()).take_while(|index| state.known[*index].prefix == prefix) {
            offer(state, index, theirs, partner, salt, offers);
        }
    }
    // A member that is asked for twice is sent once.
    offers.sort_unstable_by_key(|candidate| (candidate.index, *candidate));
    offers.dedup_by_key(|candidate| candidate.index);
    assemble(state, offers, bytes).0
}

/// Adds the member at `index` to `offers` if `partner`, who has `theirs`, lacks something of it.
fn offer(state: &State, index: usize, theirs: &Summary, partner: &NodeId, salt: u64, offers: &mut Vec<Candidate>) {
    let known = &state.known[index];
    let same_life = theirs.incarnation == known.incarnation;
    let newer =
        theirs.incarnation < known.incarnation || same_life && (known.heartbeat > theirs.heartbeat || known.version > theirs.version);
    // Who is suspected is not spread, or those who have forgotten it would learn of it again and again (the paper leaves dead
    // members open). Only to itself it is told: it may have come back with a clock that runs behind.
    // Who reads the namespace anew has been told of deletions that are not known here: keys that were deleted would come back.
    let outdated_here = same_life && theirs.version < theirs.collected && known.collected < theirs.collected;
    if !newer || outdated_here || known.suspected && known.prefix != prefix_of(partner) {
        return;
    }
    let lag = if same_life { known.heartbeat.saturating_sub(theirs.heartbeat) } else { u32::MAX };
    let has = match theirs {
        // Tombstones it has not seen are gone: with the new heartbeat it begins anew.
        Summary { version, collected, .. } if same_life && *version < known.collected && *collected < known.collected => {
            (theirs.incarnation, theirs.heartbeat, 0, *collected)
        }
        Summary { version, .. } => (theirs.incarnation, theirs.heartbeat, if same_life { *version } else { 0 }, theirs.collected),
    };
    let outdated = if same_life && has.2 == known.version {
        0
    } else {
        let member = &state.members[usize::from(known.slot)];
        member.entries.len() - member.first_after(has.2)
    };
    let depth = outdated as u32 + u32::from(lag > 0);
    offers.push(Candidate { depth: (depth, lag, known.prefix ^ salt), has, index });
}

/// Adds the member at `position` of a digest to `wants` if its sender has something of it that `known` lacks.
fn want(state: &State, known: Option<&Known>, theirs: &Summary, (position, salt): (usize, u64), wants: &mut Vec<Candidate>) {
    let prefix = u64::from_be_bytes(theirs.member.0);
    let own = state.own.as_ref().is_some_and(|own| prefix_of(own) == prefix);
    if theirs.suspected && !own {
        return;
    }
    let mine = known.map(Known::summary).unwrap_or_default();
    let same_life = theirs.incarnation == mine.incarnation;
    let newer = theirs.incarnation > mine.incarnation || same_life && (theirs.heartbeat > mine.heartbeat || theirs.version > mine.version);
    let outdated_there = same_life && mine.version < mine.collected && theirs.collected < mine.collected;
    if !newer || outdated_there || known.is_none() && state.buried(prefix, theirs.incarnation, theirs.heartbeat) {
        return;
    }
    // How many entries lie between two versions only their owner's holders know; the distance stands for them.
    let lag = if same_life { theirs.heartbeat.saturating_sub(mine.heartbeat) } else { u32::MAX };
    let outdated = if same_life { theirs.version.saturating_sub(mine.version) } else { theirs.version };
    let depth = outdated.saturating_add(u32::from(lag > 0));
    let has = (mine.incarnation, mine.heartbeat, mine.version, mine.collected);
    wants.push(Candidate { depth: (depth, lag, prefix ^ salt), has, index: position });
}

/// Sorts the deepest `most` to the front and drops the rest.
fn keep_deepest(candidates: &mut Vec<Candidate>, most: usize) {
    if candidates.len() > most {
        candidates.select_nth_unstable_by(most, |a, b| b.cmp(a));
        candidates.truncate(most);
    }
    candidates.sort_unstable_by(|a, b| b.cmp(a));
}

/// The delta that `candidates` make, as far as it fits; at least one heartbeat or entry. Also its size in bytes.
fn assemble(state: &State, candidates: &mut Vec<Candidate>, bytes: usize) -> (Delta, usize) {
    keep_deepest(candidates, (bytes / LEAST_NEWS).max(1));
    let mut delta = Delta::new();
    let mut used = 0;
    for Candidate { has: (incarnation, heartbeat, version, collected), index, .. } in &*candidates {
        let known = &state.known[*index];
        let new_life = *incarnation != known.incarnation;
        let beats = known.heartbeat > *heartbeat;
        // A life that is new to the receiver begins with its address; and who reads anew must see that the sender knows of the
        // deletions too.
        let parts = (new_life || beats || version < collected, new_life || !beats);
        let (news, size, complete) = news_of(state, known, *version, parts, bytes.saturating_sub(used));
        if used + size > bytes && !delta.is_empty() {
            break;
        }
        used += size;
        delta.push(news);
        if !complete {
            break;
        }
    }
    (delta, used)
}

/// What is newer than `version` of one member, as far as it fits into `bytes`; its size; and whether that is all. The two flags say
/// whether a heartbeat and whether at least one entry must be in it, however long.
fn news_of(state: &State, known: &Known, version: u32, (heartbeat, entry): (bool, bool), bytes: usize) -> (News, usize, bool) {
    let member = &state.members[usize::from(known.slot)];
    let heartbeat = heartbeat.then_some(member.heartbeat);
    let entries = &member.entries[member.first_after(version)..];
    let mut size = News::base_size(known.incarnation, version) + heartbeat.map_or(0, |heartbeat| heartbeat.size());
    let least = usize::from(entry).min(entries.len());
    size += entries[..least].iter().map(|entry| entry.size()).sum::<usize>();
    let more = entries[least..].iter().take_while(|entry| {
        let fits = size + entry.size() <= bytes;
        size += if fits { entry.size() } else { 0 };
        fits
    });
    let count = least + more.count();
    let news = News { owner: member.id, incarnation: known.incarnation, heartbeat, after: version, entries: entries[..count].to_vec() };
    (news, size, count == entries.len())
}

/// Takes from the front of `fresh` what fits into a delta; with each news, who told it.
pub fn tell(state: &State, fresh: &mut Vec<Fresh>, bytes: usize) -> Vec<(NodeId, News)> {
    let mut told = Vec::new();
    let (mut used, mut taken) = (0, 0);
    for Fresh { member, from, whole } in &*fresh {
        if let Some((known, _)) = state.member(member).filter(|(known, _)| !known.suspected) {
            let version = if *whole { 0 } else { known.version };
            let (news, size, _) = news_of(state, known, version, (true, *whole), bytes.saturating_sub(used));
            if used + size > bytes && !told.is_empty() {
                break;
            }
            used += size;
            told.push((*from, news));
        }
        taken += 1;
    }
    fresh.drain(..taken);
    told
}
