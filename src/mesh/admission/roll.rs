//! Who is a member, by the records of a network.
//!
//! Invitations make a tree: it grows from the founder, level by level, the most senior first. A revocation that holds makes void what its
//! target has signed, but for what it lets stand. So revocations may make one another void, and which of them hold is decided in steps:
//!
//! 1. Those hold that would even if all others did: nothing that could be said against their signers takes them away.
//! 2. When no such is left, those that are left speak against each other. The target against whom the most senior speaks is revoked, by as
//!    many of the most senior as the rule asks for. Then again.
//!
//! So whoever is revoked by somebody it has nothing against cannot take revenge on a third, however senior it was; and of two who revoke
//! each other the senior stays. Each step only adds to what holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::NodeId;
use crate::wire::admission::{Record, RecordId, RevocationRule, Statement};

/// The members of a network, and those who were revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    tree: BTreeMap<NodeId, Place>,
    revoked: BTreeMap<NodeId, NodeId>,
    /// Who is not revoked though some have spoken for it, and how many.
    accused: BTreeMap<NodeId, usize>,
}

/// Where somebody stands in the tree of invitations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// How many invitations lie between it and the founder.
    pub depth: u32,
    /// Who invited it: of several the most senior. The founder itself.
    pub sponsor: NodeId,
}

impl Roll {
    /// The members, by id.
    pub fn members(&self) -> impl Iterator<Item = &NodeId> {
        self.tree.keys().filter(|id| !self.revoked.contains_key(id))
    }

    /// Whether `id` is a member.
    pub fn is_member(&self, id: &NodeId) -> bool {
        self.tree.contains_key(id) && !self.revoked.contains_key(id)
    }

    /// Those who were revoked, by id, and by whom; of several the most senior.
    pub fn revoked(&self) -> impl Iterator<Item = (&NodeId, &NodeId)> {
        self.revoked.iter()
    }

    /// Whether `id` was revoked.
    pub fn is_revoked(&self, id: &NodeId) -> bool {
        self.revoked.contains_key(id)
    }

    /// How many have spoken for the revocation of `id` with effect, if it takes more.
    pub fn speakers(&self, id: &NodeId) -> usize {
        self.accused.get(id).copied().unwrap_or_default()
    }

    /// Whether the same are members by both, and the same revoked.
    pub(super) fn has_same_members(&self, other: &Self) -> bool {
        (&self.tree, &self.revoked) == (&other.tree, &other.revoked)
    }

    /// Where `id`, a member or revoked, stands in the tree.
    pub fn place(&self, id: &NodeId) -> Option<Place> {
        self.tree.get(id).copied()
    }

    /// Whether `id` may speak for the revocation of `target`.
    pub fn is_entitled(&self, id: &NodeId, target: &NodeId, rule: RevocationRule) -> bool {
        let founder = self.tree.get(id).is_some_and(|place| place.depth == 0);
        self.is_member(id) && (rule != RevocationRule::Sponsors || founder || self.is_ancestor(id, target))
    }

    fn is_ancestor(&self, id: &NodeId, of: &NodeId) -> bool {
        let mut at = of;
        while let Some(place) = self.tree.get(at).filter(|place| place.depth > 0) {
            at = &place.sponsor;
            if at == id {
                return true;
            }
        }
        false
    }

    /// What follows from `records`, of which every signer has been invited by another, and the first by nobody.
    pub(super) fn of(founder: NodeId, rule: RevocationRule, records: &BTreeMap<RecordId, Record>) -> Self {
        Case::new(founder, rule, records).decide()
    }
}

/// A revocation.
struct Charge<'a> {
    id: RecordId,
    signer: usize,
    target: usize,
    standing: &'a [RecordId],
}

/// Of somebody in the tree: depth and sponsor.
type Tree = Vec<Option<(u32, usize)>>;
/// Of somebody who is revoked: what stands of what it has signed.
type Stands = Vec<Option<Vec<RecordId>>>;

/// The records in a form in which they are quickly looked at: people are numbered in the order of their ids.
struct Case<'a> {
    people: Vec<NodeId>,
    founder: usize,
    rule: RevocationRule,
    /// By signer.
    invitations: Vec<Vec<(RecordId, usize)>>,
    charges: Vec<Charge<'a>>,
}

impl<'a> Case<'a> {
    fn new(founder: NodeId, rule: RevocationRule, records: &'a BTreeMap<RecordId, Record>) -> Self {
        let mut people = vec![founder];
        for record in records.values() {
            people.push(record.signer);
            match &record.statement {
                Statement::Found(_) => {}
                Statement::Invite(target) | Statement::Revoke { target, .. } => people.push(*target),
            }
        }
        people.sort_unstable();
        people.dedup();
        // All have just been put there.
        let number = |id: &NodeId| people.partition_point(|other| other < id);
        let mut invitations = vec![Vec::new(); people.len()];
        let mut charges = Vec::new();
        for (id, record) in records {
            match &record.statement {
                Statement::Found(_) => {}
                Statement::Invite(target) => invitations[number(&record.signer)].push((*id, number(target))),
                Statement::Revoke { target, standing } => {
                    charges.push(Charge { id: *id, signer: number(&record.signer), target: number(target), standing });
                }
            }
        }
        Self { founder: number(&founder), rule, invitations, charges, people }
    }

    fn decide(&self) -> Roll {
        let mut held = vec![false; self.charges.len()];
        let mut stands = self.stands(&held);
        let mut tree = self.grow(&stands);
        loop {
            let holds =
                |charge: &Charge, stands: &Stands, tree: &Tree| !is_void(stands, charge.signer, charge.id) && self.entitled(tree, charge);
            let open: Vec<usize> = (0..held.len()).filter(|index| !held[*index] && holds(&self.charges[*index], &stands, &tree)).collect();
            if open.is_empty() {
                return self.roll(&held, &stands, &tree);
            }
            let mut all = held.clone();
            open.iter().for_each(|index| all[*index] = true);
            let bleakest = self.stands(&all);
            let thinnest = self.grow(&bleakest);
            let mut next: Vec<usize> = open.iter().copied().filter(|index| holds(&self.charges[*index], &bleakest, &thinnest)).collect();
            if next.is_empty() {
                next = self.most_senior(&open, &held, &tree);
            }
            next.iter().for_each(|index| held[*index] = true);
            stands = self.stands(&held);
            tree = self.grow(&stands);
        }
    }

    /// The tree of the invitations that are not void.
    fn grow(&self, stands: &Stands) -> Tree {
        let mut tree = vec![None; self.people.len()];
        tree[self.founder] = Some((0, self.founder));
        let mut level = vec![self.founder];
        let mut depth = 0;
        while !level.is_empty() {
            depth += 1;
            let mut next = Vec::new();
            for signer in level {
                for (id, target) in &self.invitations[signer] {
                    if tree[*target].is_none() && !is_void(stands, signer, *id) {
                        tree[*target] = Some((depth, signer));
                        next.push(*target);
                    }
                }
            }
            next.sort_unstable();
            level = next;
        }
        tree
    }

    /// Who is revoked if those charges hold, and what stands of what they have signed: what all their revokers let stand.
    fn stands(&self, held: &[bool]) -> Stands {
        let mut stands: Stands = vec![None; self.people.len()];
        let mut signers = vec![Vec::new(); self.people.len()];
        for charge in self.charges.iter().zip(held).filter_map(|(charge, held)| held.then_some(charge)) {
            if !signers[charge.target].contains(&charge.signer) {
                signers[charge.target].push(charge.signer);
            }
            match &mut stands[charge.target] {
                Some(list) => list.retain(|id| charge.standing.binary_search(id).is_ok()),
                empty => *empty = Some(charge.standing.to_vec()),
            }
        }
        for (list, signers) in stands.iter_mut().zip(signers) {
            list.take_if(|_| signers.len() < self.quorum());
        }
        stands
    }

    fn quorum(&self) -> usize {
        match self.rule {
            RevocationRule::AnyMember | RevocationRule::Sponsors => 1,
            RevocationRule::Quorum(count) => usize::from(count.max(1)),
        }
    }

    fn entitled(&self, tree: &Tree, charge: &Charge) -> bool {
        let Some((depth, _)) = tree[charge.signer] else { return false };
        if self.rule != RevocationRule::Sponsors || depth == 0 {
            return true;
        }
        let mut at = charge.target;
        while let Some((1.., sponsor)) = tree[at] {
            at = sponsor;
            if at == charge.signer {
                return true;
            }
        }
        false
    }

    /// Of the open charges, those of the most senior against the one against whom the most senior of all speaks: as many as it takes.
    fn most_senior(&self, open: &[usize], held: &[bool], tree: &Tree) -> Vec<usize> {
        let seniority = |signer: usize| (tree[signer].map_or(u32::MAX, |(depth, _)| depth), signer);
        let mut is_open = vec![false; held.len()];
        open.iter().for_each(|index| is_open[*index] = true);
        // Against each target: who speaks, open or held, and the open charges.
        let mut cases: BTreeMap<usize, (Vec<(u32, usize)>, Vec<usize>)> = BTreeMap::new();
        for index in (0..held.len()).filter(|index| held[*index] || is_open[*index]) {
            let (speakers, charges) = cases.entry(self.charges[index].target).or_default();
            speakers.push(seniority(self.charges[index].signer));
            charges.extend(is_open[index].then_some(index));
        }
        let mut best = None;
        for (target, (mut speakers, charges)) in cases {
            speakers.sort_unstable();
            speakers.dedup();
            let against = || charges.iter().copied();
            let mut fresh: Vec<(u32, usize)> = against().map(|index| seniority(self.charges[index].signer)).collect();
            fresh.sort_unstable();
            fresh.dedup();
            if speakers.len() < self.quorum() || fresh.is_empty() {
                continue;
            }
            let missing = self.quorum().saturating_sub(speakers.len() - fresh.len()).max(1);
            fresh.truncate(missing);
            let key = (speakers[0], fresh[0], target);
            if best.as_ref().is_none_or(|(other, _)| key < *other) {
                let chosen = against().filter(|index| fresh.contains(&seniority(self.charges[*index].signer))).collect();
                best = Some((key, chosen));
            }
        }
        // Somebody must be revoked if all open charges hold, or none of them could be made void by the others.
        best.map_or_else(|| open.to_vec(), |(_, chosen)| chosen)
    }

    fn roll(&self, held: &[bool], stands: &Stands, tree: &Tree) -> Roll {
        let named = |(index, place): (usize, &Option<(u32, usize)>)| {
            place.map(|(depth, sponsor)| (self.people[index], Place { depth, sponsor: self.people[sponsor] }))
        };
        let seniority = |signer: usize| (tree[signer].map_or(u32::MAX, |(depth, _)| depth), signer);
        let by = |target: usize| {
            let charges = self.charges.iter().zip(held).filter(|(charge, held)| **held && charge.target == target);
            charges.map(|(charge, _)| seniority(charge.signer)).min().map(|(_, signer)| (self.people[target], self.people[signer]))
        };
        let mut speakers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for charge in self.charges.iter().zip(held).filter_map(|(charge, held)| held.then_some(charge)) {
            speakers.entry(charge.target).or_default().insert(charge.signer);
        }
        let accused = speakers.into_iter().filter(|(target, _)| stands[*target].is_none());
        Roll {
            accused: accused.map(|(target, speakers)| (self.people[target], speakers.len())).collect(),
            tree: tree.iter().enumerate().filter_map(named).collect(),
            revoked: (0..self.people.len()).filter(|target| stands[*target].is_some()).filter_map(by).collect(),
        }
    }
}

fn is_void(stands: &Stands, signer: usize, id: RecordId) -> bool {
    stands[signer].as_ref().is_some_and(|list| list.binary_search(&id).is_err())
}
