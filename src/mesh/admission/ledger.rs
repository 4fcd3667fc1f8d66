//! The records of one network: which are kept, whatever the order in which they come.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sha2::{Digest, Sha256};

use super::roll::Roll;
use crate::crypto::{CryptoMode, NodeId};
use crate::wire::admission::{MAX_RECORDS, MAX_STANDING, Record, RecordId, Rules, Statement};

/// Most invitations and revocations of one signer.
pub const MAX_PER_SIGNER: usize = 256;
/// Most records kept of signers that nobody is known to have invited yet.
pub const MAX_PENDING: usize = 256;
/// Places that only revocations take, of a signer's and of all: a network that is full of invitations must still be able to defend itself.
const RESERVED_PER_SIGNER: usize = MAX_PER_SIGNER / 8;
const RESERVED: usize = MAX_RECORDS / 4;
/// Records that a member and all who came by it may have, however far from the founder it stands.
const MIN_BRANCH: usize = 256;

/// Why a record is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// Its signer has not signed it.
    Forged,
    /// No honest member signs such a thing.
    Malformed,
    /// It belongs to another network.
    Foreign,
    /// There is no room: for records of its signer, of signers that nobody has invited, or at all.
    Full,
}

/// All that is known to have been said about who belongs to a network.
///
/// It holds only what its signers have signed, and only of signers that somebody in it has invited, void or not; others wait. Which
/// records it holds thus depends on what came, but not on the order, as long as no limit is reached.
#[derive(Clone, Debug)]
pub struct Ledger {
    network: RecordId,
    founder: NodeId,
    rules: Rules,
    records: BTreeMap<RecordId, Record>,
    pending: BTreeMap<RecordId, Record>,
    /// The founder, and whoever was ever invited by one of these.
    reached: BTreeMap<NodeId, Reached>,
}

/// Somebody who was ever invited, void or not.
#[derive(Clone, Copy, Default, Debug)]
struct Reached {
    /// By whom first, but for the founder.
    sponsor: Option<NodeId>,
    /// How many records it has signed, without the one that founded the network.
    own: usize,
    /// How many all have signed whom it has brought, directly or not, and itself.
    branch: usize,
}

impl Ledger {
    /// The ledger that begins with `record`, a [`Statement::Found`].
    ///
    /// # Errors
    /// If it is something else, or its signer has not signed it.
    pub fn found(record: Record, mode: CryptoMode) -> Result<Self, Rejection> {
        let Statement::Found(rules) = record.statement else { return Err(Rejection::Malformed) };
        check(&record, mode)?;
        let (network, founder) = (record.id(), record.signer);
        Ok(Self {
            network,
            founder,
            rules,
            records: BTreeMap::from([(network, record)]),
            pending: BTreeMap::new(),
            reached: BTreeMap::from([(founder, Reached::default())]),
        })
    }

    /// The name of the network.
    pub const fn network(&self) -> RecordId {
        self.network
    }

    /// Who founded it.
    pub const fn founder(&self) -> NodeId {
        self.founder
    }

    /// Its rules.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Takes in a record; the names of those that are kept since are added to `fresh`: none, this one, and those that have waited for it.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn insert(&mut self, record: Record, mode: CryptoMode, fresh: &mut Vec<RecordId>) -> Result<(), Rejection> {
        let id = record.id();
        if self.knows(&id) {
            return Ok(());
        }
        if record.network != self.network {
            return Err(Rejection::Foreign);
        }
        let known = self.reached.contains_key(&record.signer);
        let room = if known { self.has_room(&record) } else { self.pending.len() < MAX_PENDING };
        if !room {
            return Err(Rejection::Full);
        }
        // Last, for it costs most.
        check(&record, mode)?;
        if !known {
            self.pending.insert(id, record);
            return Ok(());
        }
        let mut next = vec![(id, record)];
        while let Some((id, record)) = next.pop() {
            // Of those that have waited too many may have been of one signer.
            if !self.has_room(&record) {
                continue;
            }
            if let Statement::Invite(target) = record.statement
                && let Entry::Vacant(place) = self.reached.entry(target)
            {
                place.insert(Reached { sponsor: Some(record.signer), ..Reached::default() });
                next.extend(self.pending.extract_if(.., |_, waiting| waiting.signer == target));
            }
            self.charge(&record.signer);
            self.records.insert(id, record);
            fresh.push(id);
        }
        Ok(())
    }

    /// Whether there is room for a record of somebody who was invited.
    ///
    /// Names cost nothing: a member may invite as many of its own making as it likes, and have these invite others. So all who came by
    /// somebody have, with it, at most half of the room of its sponsor. What one member does leaves room for what the others say.
    fn has_room(&self, record: &Record) -> bool {
        let revokes = matches!(record.statement, Statement::Revoke { .. });
        let (of_signer, of_all) = if revokes { (0, 0) } else { (RESERVED_PER_SIGNER, RESERVED) };
        let own = self.reached.get(&record.signer).map_or(0, |signer| signer.own);
        let line = || self.line(&record.signer);
        let depth = line().count() - 1;
        let limits = (0..=depth).rev().map(|depth| MAX_RECORDS.checked_shr(depth as u32).unwrap_or(0).max(MIN_BRANCH));
        own + of_signer < MAX_PER_SIGNER
            && self.records.len() + of_all < MAX_RECORDS
            && line().zip(limits).all(|((_, reached), limit)| reached.branch < limit)
    }

    /// Somebody who was ever invited, its sponsor, and so on up to the founder.
    fn line(&self, from: &NodeId) -> impl Iterator<Item = (NodeId, &Reached)> {
        let place = |id: NodeId| self.reached.get(&id).map(|reached| (id, reached));
        std::iter::successors(place(*from), move |(_, reached)| reached.sponsor.and_then(place))
    }

    /// Counts a record of `signer`.
    fn charge(&mut self, signer: &NodeId) {
        if let Some(reached) = self.reached.get_mut(signer) {
            reached.own += 1;
        }
        let mut next = Some(*signer);
        while let Some(reached) = next.and_then(|id| self.reached.get_mut(&id)) {
            reached.branch += 1;
            next = reached.sponsor;
        }
    }

    /// Whether it holds an invitation of `id`, void or not, by somebody who was invited, void or not.
    pub fn has_reached(&self, id: &NodeId) -> bool {
        self.reached.contains_key(id)
    }

    /// Whether a record is kept, or waits for its signer's invitation.
    pub fn knows(&self, id: &RecordId) -> bool {
        self.records.contains_key(id) || self.pending.contains_key(id)
    }

    /// The record of that name, if it is kept.
    pub fn get(&self, id: &RecordId) -> Option<&Record> {
        self.records.get(id)
    }

    /// The names of all records that are kept, first the one that founded the network, then ascending.
    pub fn ids(&self) -> impl Iterator<Item = RecordId> {
        let others = self.records.keys().filter(|id| **id != self.network);
        std::iter::once(self.network).chain(others.copied())
    }

    /// All records that are kept, ascending by name.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (&RecordId, &Record)> {
        self.records.iter()
    }

    /// A hash of all records that are kept; never zero, which stands for none.
    pub fn hash(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        self.records.keys().for_each(|id| hash.update(id.0));
        let hash: [u8; 32] = hash.finalize().into();
        std::array::from_fn(|index| hash[index])
    }

    /// What `signer` lets stand when it revokes `target`: everything that is known, but for what the target has said against itself.
    pub fn standing(&self, signer: &NodeId, target: &NodeId) -> Vec<RecordId> {
        let spares = |record: &Record| !matches!(&record.statement, Statement::Revoke { target, .. } if target == signer);
        let of_target = |record: &Record| record.signer == *target && !matches!(record.statement, Statement::Found(_));
        // The bound of a signer sees to it that all fit.
        self.records.iter().filter(|(_, record)| of_target(record) && spares(record)).map(|(id, _)| *id).take(MAX_STANDING).collect()
    }

    /// Whether `signer` has revoked `target`, with effect or without.
    pub fn has_revoked(&self, signer: &NodeId, target: &NodeId) -> bool {
        let says = |record: &Record| matches!(&record.statement, Statement::Revoke { target: other, .. } if other == target);
        self.records.values().any(|record| record.signer == *signer && says(record))
    }

    /// What shows that `target` was revoked, to itself or to anybody who knows the network: who has said so, and by whose invitations those
    /// are members, as `roll` has it.
    pub fn evidence(&self, target: &NodeId, roll: &Roll) -> impl Iterator<Item = &Record> {
        let accuses = |record: &Record| matches!(&record.statement, Statement::Revoke { target: other, .. } if other == target);
        // Each with its sponsor.
        let mut invited: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for record in self.records.values().filter(|record| accuses(record)) {
            let mut at = record.signer;
            while let Some(place) = roll.place(&at).filter(|place| place.depth > 0 && !invited.contains_key(&at)) {
                invited.insert(at, place.sponsor);
                at = place.sponsor;
            }
        }
        let target = *target;
        self.records.values().filter(move |record| match &record.statement {
            Statement::Found(_) => true,
            Statement::Invite(who) => invited.get(who) == Some(&record.signer),
            Statement::Revoke { target: other, .. } => *other == target,
        })
    }

    /// Who is a member. It depends on nothing but the records that are kept.
    pub fn evaluate(&self) -> Roll {
        Roll::of(self.founder, self.rules.revocation, &self.records)
    }
}

/// Whether an honest signer could have made it, and the one that is named has.
fn check(record: &Record, mode: CryptoMode) -> Result<(), Rejection> {
    let sound = match &record.statement {
        Statement::Found(_) => record.network == RecordId([0; 16]),
        Statement::Invite(target) => *target != record.signer,
        Statement::Revoke { target, standing } => {
            *target != record.signer && standing.len() <= MAX_STANDING && standing.is_sorted_by(|a, b| a < b)
        }
    };
    if !sound {
        return Err(Rejection::Malformed);
    }
    record.signer.verify(&record.signed_bytes(), &record.signature, mode).map_err(|_| Rejection::Forged)
}
