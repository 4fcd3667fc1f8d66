mod adoption;
mod limits;
mod properties;

use super::ledger::{Ledger, Rejection};
use super::roll::Roll;
use crate::crypto::{CryptoMode, Identity, NodeId};
use crate::wire::admission::{MAX_STANDING, Record, RecordId, RevocationRule, Rules, Statement};

const MODE: CryptoMode = CryptoMode::Modelled;

fn person(number: usize) -> Identity {
    Identity::from_seed([number as u8 + 1; 32], MODE)
}

fn id(number: usize) -> NodeId {
    person(number).id()
}

/// A network founded by person 0, and all that was said in it.
struct Net {
    ledger: Ledger,
    said: Vec<Record>,
}

impl Net {
    fn new(revocation: RevocationRule) -> Self {
        let rules = Rules { revocation, ..Rules::default() };
        let record = Record::sign(&person(0), RecordId([0; 16]), 1, Statement::Found(rules));
        Self { ledger: Ledger::found(record, MODE).expect("a sound record"), said: Vec::new() }
    }

    fn record(&self, by: usize, statement: Statement) -> Record {
        Record::sign(&person(by), self.ledger.network(), 2 + self.said.len() as u64, statement)
    }

    fn add(&mut self, record: Record) -> RecordId {
        self.ledger.insert(record.clone(), MODE, &mut Vec::new()).expect("a sound record");
        let id = record.id();
        self.said.push(record);
        id
    }

    fn invite(&mut self, by: usize, target: usize) -> RecordId {
        self.add(self.record(by, Statement::Invite(id(target))))
    }

    /// A revocation by somebody who knows only those records of its target.
    fn revoke_knowing(&mut self, by: usize, target: usize, standing: &[RecordId]) -> RecordId {
        let mut standing = standing.to_vec();
        standing.sort_unstable();
        self.add(self.record(by, Statement::Revoke { target: id(target), standing }))
    }

    /// A revocation by somebody who knows all that was said.
    fn revoke(&mut self, by: usize, target: usize) -> RecordId {
        let standing = self.ledger.standing(&id(by), &id(target));
        self.revoke_knowing(by, target, &standing)
    }

    fn roll(&self) -> Roll {
        self.ledger.evaluate()
    }

    /// Which of the first ten people are members.
    fn members(&self) -> Vec<usize> {
        let roll = self.roll();
        (0..10).filter(|number| roll.is_member(&id(*number))).collect()
    }
}

fn anyone() -> Net {
    Net::new(RevocationRule::AnyMember)
}

#[test]
fn members_are_those_whom_members_have_invited() {
    let mut net = anyone();
    assert_eq!(net.members(), [0]);
    net.invite(0, 1);
    net.invite(1, 2);
    // Nobody has invited person 3, so it waits, and whom it invites too.
    net.invite(3, 4);
    assert_eq!(net.members(), [0, 1, 2]);
    assert_eq!(net.roll().place(&id(2)).map(|place| (place.depth, place.sponsor)), Some((2, id(1))));
    net.invite(2, 3);
    assert_eq!(net.members(), [0, 1, 2, 3, 4]);
}

#[test]
fn of_several_sponsors_the_most_senior_counts() {
    let mut net = anyone();
    for (by, target) in [(0, 1), (1, 2), (2, 3), (1, 3)] {
        net.invite(by, target);
    }
    assert_eq!(net.roll().place(&id(3)).map(|place| (place.depth, place.sponsor)), Some((2, id(1))));
}

#[test]
fn a_revocation_beats_every_invitation() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(0, 2);
    net.revoke(2, 1);
    net.invite(0, 1);
    net.invite(2, 1);
    assert_eq!(net.members(), [0, 2]);
    assert_eq!(net.roll().revoked().collect::<Vec<_>>(), [(&id(1), &id(2))]);
}

#[test]
fn somebody_who_never_was_a_member_can_be_revoked_beforehand() {
    let mut net = anyone();
    net.revoke(0, 5);
    net.invite(0, 5);
    assert_eq!(net.members(), [0]);
}

#[test]
fn whom_the_revoked_had_invited_stays_if_the_revoker_knew() {
    let mut net = anyone();
    net.invite(0, 1);
    let known = net.invite(1, 2);
    net.invite(1, 3);
    net.revoke_knowing(0, 1, &[known]);
    assert_eq!(net.members(), [0, 2], "person 3 was invited behind the founder's back");
    net.invite(2, 3);
    assert_eq!(net.members(), [0, 2, 3], "whoever lost its sponsor may be invited again");
}

#[test]
fn the_revoked_keeps_no_power_over_anybody() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(0, 2);
    net.revoke(0, 1);
    net.invite(1, 3);
    net.revoke_knowing(1, 2, &[]);
    net.revoke_knowing(1, 0, &[]);
    assert_eq!(net.members(), [0, 2]);
    let backdated = Record::sign(&person(1), net.ledger.network(), 0, Statement::Invite(id(4)));
    net.add(backdated);
    assert_eq!(net.members(), [0, 2]);
}

#[test]
fn a_revoked_founder_takes_no_revenge_on_a_third() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(0, 2);
    net.revoke(1, 0);
    assert_eq!(net.members(), [1, 2]);
    net.revoke_knowing(0, 2, &[]);
    assert_eq!(net.members(), [1, 2], "senior or not, it was revoked by somebody it has nothing against");
}

#[test]
fn what_the_revoked_had_revoked_stays_revoked_if_the_revoker_knew() {
    let mut net = anyone();
    for target in 1..4 {
        net.invite(0, target);
    }
    net.revoke(1, 2);
    net.revoke(3, 1);
    assert_eq!(net.members(), [0, 3]);
}

#[test]
fn what_shows_a_revocation_convinces_whoever_was_away() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(0, 2);
    let mut old = net.ledger.clone();
    // Of whoever revokes nothing was known then.
    for (by, target) in [(1, 3), (3, 4), (0, 5)] {
        net.invite(by, target);
    }
    net.revoke(4, 2);
    let shown: Vec<Record> = net.ledger.evidence(&id(2), &net.roll()).cloned().collect();
    assert_eq!(shown.len(), 5, "the network, three invitations, the revocation");
    for record in shown {
        old.insert(record, MODE, &mut Vec::new()).expect("a sound record");
    }
    assert_eq!(old.evaluate().revoked().collect::<Vec<_>>(), [(&id(2), &id(4))]);
}

#[test]
fn of_two_who_revoke_each_other_the_senior_stays() {
    let mut net = anyone();
    net.invite(0, 1);
    let invitation = net.invite(1, 2);
    net.revoke_knowing(2, 1, &[invitation]);
    net.revoke_knowing(1, 2, &[]);
    assert_eq!(net.members(), [0, 1]);
    // The founder may fight back, too.
    let mut net = anyone();
    let invitation = net.invite(0, 1);
    net.revoke_knowing(1, 0, &[invitation]);
    assert_eq!(net.members(), [1]);
    net.revoke(0, 1);
    assert_eq!(net.members(), [0]);
}

#[test]
fn of_two_as_senior_the_lower_key_stays() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(0, 2);
    net.revoke_knowing(1, 2, &[]);
    net.revoke_knowing(2, 1, &[]);
    let lower = if id(1) < id(2) { 1 } else { 2 };
    assert_eq!(net.members(), [0, lower]);
}

#[test]
fn only_what_all_revokers_let_stand_does() {
    let mut net = anyone();
    for target in 1..3 {
        net.invite(0, target);
    }
    let first = net.invite(1, 3);
    let second = net.invite(1, 4);
    net.revoke_knowing(0, 1, &[first, second]);
    assert_eq!(net.members(), [0, 2, 3, 4]);
    net.revoke_knowing(2, 1, &[first]);
    assert_eq!(net.members(), [0, 2, 3]);
}

#[test]
fn by_the_rule_of_sponsors_only_those_above_may_revoke() {
    let mut net = Net::new(RevocationRule::Sponsors);
    for (by, target) in [(0, 1), (1, 2), (2, 3), (0, 4)] {
        net.invite(by, target);
    }
    net.revoke(4, 3);
    net.revoke(3, 2);
    assert_eq!(net.members(), [0, 1, 2, 3, 4]);
    net.revoke(1, 3);
    assert_eq!(net.members(), [0, 1, 2, 4], "a sponsor's sponsor may");
    net.revoke(0, 4);
    assert_eq!(net.members(), [0, 1, 2], "the founder may");
    net.revoke(0, 7);
    net.invite(2, 7);
    assert_eq!(net.members(), [0, 1, 2], "also somebody who was not there yet");
}

#[test]
fn a_quorum_is_of_different_members() {
    let mut net = Net::new(RevocationRule::Quorum(2));
    for target in 1..4 {
        net.invite(0, target);
    }
    net.revoke(1, 3);
    net.revoke(1, 3);
    net.revoke(5, 3);
    assert_eq!(net.members(), [0, 1, 2, 3]);
    net.revoke(2, 3);
    assert_eq!(net.members(), [0, 1, 2]);
    let mut net = Net::new(RevocationRule::Quorum(0));
    net.invite(0, 1);
    net.revoke(0, 1);
    assert_eq!(net.members(), [0], "none counts as one");
}

#[test]
fn of_two_quorums_against_each_other_that_of_the_most_senior_holds() {
    let mut net = Net::new(RevocationRule::Quorum(2));
    for (by, target) in [(0, 1), (1, 2), (0, 3), (3, 4)] {
        net.invite(by, target);
    }
    // Persons 0 and 4 against 2, persons 1 and 2 against 4: neither knows of the other.
    for (by, target) in [(0, 2), (4, 2), (1, 4), (2, 4)] {
        net.revoke_knowing(by, target, &[]);
    }
    assert_eq!(net.members(), [0, 1, 3, 4]);
}

#[test]
fn what_no_member_signs_is_refused() {
    let mut net = anyone();
    net.invite(0, 1);
    let network = net.ledger.network();
    let mut insert = |record: Record| net.ledger.insert(record, MODE, &mut Vec::new());
    let sound = Record::sign(&person(1), network, 9, Statement::Invite(id(2)));
    assert_eq!(insert(Record { signer: id(0), ..sound.clone() }), Err(Rejection::Forged));
    assert_eq!(insert(Record { statement: Statement::Invite(id(3)), ..sound.clone() }), Err(Rejection::Forged));
    assert_eq!(insert(Record { time: 8, ..sound.clone() }), Err(Rejection::Forged));
    assert_eq!(insert(Record::sign(&person(1), RecordId([7; 16]), 9, Statement::Invite(id(2)))), Err(Rejection::Foreign));
    let bad = [
        Statement::Found(Rules::default()),
        Statement::Invite(id(1)),
        Statement::Revoke { target: id(1), standing: Vec::new() },
        Statement::Revoke { target: id(0), standing: vec![RecordId([2; 16]), RecordId([1; 16])] },
        Statement::Revoke { target: id(0), standing: (0..=MAX_STANDING).map(|n| RecordId((n as u128).to_be_bytes())).collect() },
    ];
    for statement in bad {
        assert_eq!(insert(Record::sign(&person(1), network, 9, statement)), Err(Rejection::Malformed));
    }
    assert_eq!(insert(sound), Ok(()));
}
