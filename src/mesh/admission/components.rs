//! What a node knows of who is admitted.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::prelude::*;

use super::ledger::{Ledger, Rejection};
use super::roll::Roll;
use crate::crypto::{CryptoMode, NodeId};
use crate::kernel::{Instant, Pace};
use crate::wire::admission::{Record, RecordId, Rules, Statement};
use crate::wire::{Address, CloseReason};

/// Most networks that a node which waits looks at, and most strangers whose address it remembers.
const MAX_PROSPECTS: usize = 4;
const MAX_STRANGERS: usize = 64;

/// Most evaluations of networks that a node looks at, in a [`SPAN`]: whoever is not even a member must not make it work without end.
const MAX_LOOKS: u32 = 8;
const SPAN: Duration = Duration::from_secs(1);

/// The records of a node's network, and who is a member by them.
#[derive(Component, Default, Debug)]
pub struct Admission {
    pub(super) me: Option<NodeId>,
    pub(super) invite_only: bool,
    pub(super) ledger: Option<Ledger>,
    pub(super) roll: Roll,
    /// Networks that a node without members has heard of, oldest first. It will adopt one in which it is admitted.
    prospects: Vec<Ledger>,
    /// Whether one has changed since they were evaluated; how often they were, since when.
    unseen: bool,
    looks: (Instant, u32),
    /// Where those are who came uninvited, or were heard of, oldest first: they are dialled when they are invited.
    strangers: VecDeque<(NodeId, Address)>,
    pub(super) counts: AdmissionCounts,
    pace: Pace,
}

/// What a node is in its network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdmissionState {
    /// Everybody may join.
    Open,
    /// Nobody has invited it, or its invitation has become void.
    Waiting,
    /// It founded the network.
    Founder {
        /// It has invited nobody yet, and would adopt another network that has invited it.
        provisional: bool,
    },
    /// It was invited.
    Member,
    /// It was revoked, for good.
    Revoked,
}

/// Records that were not kept, and answers that were not given.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct AdmissionCounts {
    /// Not signed by whom they name.
    pub forged: u64,
    /// Such as no honest member signs.
    pub malformed: u64,
    /// Of another network.
    pub foreign: u64,
    /// More than there is room for.
    pub surplus: u64,
    /// Answers to those who had asked too much in a second.
    pub paced: u64,
}

/// What has come of records.
#[derive(Default, Debug)]
pub(super) struct Intake {
    /// Those that are kept since.
    pub fresh: Vec<RecordId>,
    /// One that is kept no longer.
    pub dropped: Option<RecordId>,
    /// They are those of a network that was just adopted.
    pub adopted: bool,
    /// Some belong to a network of which nothing is known.
    pub unknown: bool,
    /// Why the session that brought them must be closed.
    pub breach: Option<CloseReason>,
}

impl Admission {
    /// The rules of the network, once it is in one.
    pub fn rules(&self) -> Option<Rules> {
        self.ledger.as_ref().map(Ledger::rules)
    }

    /// The records of the network, once it is in one.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The members, by id, the node itself included. Empty in an open network.
    pub fn members(&self) -> impl Iterator<Item = &NodeId> {
        self.roll.members()
    }

    /// Those who were revoked, by id.
    pub fn revoked(&self) -> impl Iterator<Item = &NodeId> {
        self.roll.revoked().map(|(id, _)| id)
    }

    /// Who has revoked `id`; of several the most senior.
    pub fn revoker(&self, id: &NodeId) -> Option<NodeId> {
        self.roll.revoked().find(|(target, _)| *target == id).map(|(_, by)| *by)
    }

    /// Who invited `id`, a member or revoked; the founder itself.
    pub fn sponsor(&self, id: &NodeId) -> Option<NodeId> {
        self.roll.place(id).map(|place| place.sponsor)
    }

    /// What the node is.
    pub fn state(&self) -> AdmissionState {
        match (&self.ledger, self.me) {
            _ if !self.invite_only => AdmissionState::Open,
            (Some(_), Some(me)) if self.roll.is_revoked(&me) => AdmissionState::Revoked,
            (Some(ledger), Some(me)) if ledger.founder() == me => AdmissionState::Founder { provisional: self.is_provisional() },
            (Some(_), Some(me)) if self.roll.is_member(&me) => AdmissionState::Member,
            _ => AdmissionState::Waiting,
        }
    }

    /// Whether `asker` is sent another answer.
    pub(super) fn answers(&mut self, asker: &NodeId, at: Instant) -> bool {
        let granted = self.pace.grants(*asker, at);
        self.counts.paced += u64::from(!granted);
        granted
    }

    /// Records that came and were not kept, and answers that were not given.
    pub fn refused(&self) -> AdmissionCounts {
        self.counts
    }

    fn is_provisional(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| Some(ledger.founder()) == self.me && ledger.records().len() == 1)
    }

    /// Whether it would adopt a network that has invited it.
    pub(super) fn seeks(&self) -> bool {
        self.ledger.is_none() || self.is_provisional()
    }

    /// What it tells others: nobody needs to know of a network that nobody is in.
    pub(super) fn shared(&self) -> Option<&Ledger> {
        self.ledger.as_ref().filter(|_| !self.is_provisional())
    }

    /// Whether it has a record, or looks at it.
    pub(super) fn knows(&self, id: &RecordId) -> bool {
        self.ledger.iter().chain(&self.prospects).any(|ledger| ledger.knows(id))
    }

    /// Begins with what an earlier life has kept.
    pub(super) fn restore(&mut self, mut records: Vec<Record>, mode: CryptoMode) {
        let first = records.iter().position(|record| matches!(record.statement, Statement::Found(_)));
        let Some(Ok(mut ledger)) = first.map(|index| Ledger::found(records.swap_remove(index), mode)) else { return };
        let mut fresh = Vec::new();
        for record in records {
            self.counts.note(ledger.insert(record, mode, &mut fresh));
        }
        self.ledger = Some(ledger);
    }

    /// Takes in records from somebody else. Those before one that breaks the rules are kept.
    pub(super) fn take_in(&mut self, records: Vec<Record>, mode: CryptoMode, at: Instant) -> Intake {
        let mut intake = Intake::default();
        let seeks = self.seeks();
        for record in records {
            let known = self.knows(&record.id());
            let kept = match self.ledger.as_mut().filter(|_| !seeks) {
                _ if known => Ok(()),
                Some(ledger) => ledger.insert(record, mode, &mut intake.fresh),
                None => self.consider(record, mode, &mut intake.unknown),
            };
            self.counts.note(kept);
            intake.breach = match kept {
                Err(Rejection::Forged) => Some(CloseReason::ForgedIdentity),
                Err(Rejection::Malformed) => Some(CloseReason::ProtocolViolation),
                // The other side was in no network yet when the session began.
                Err(Rejection::Foreign) => Some(CloseReason::OtherNetwork),
                Ok(()) | Err(Rejection::Full) => None,
            };
            if intake.breach.is_some() {
                break;
            }
        }
        self.look(&mut intake, at);
        intake
    }

    /// Adopts a network in which it is admitted, if there is one among those that have changed.
    pub(super) fn look(&mut self, intake: &mut Intake, at: Instant) {
        let Some(me) = self.me.filter(|_| self.unseen) else { return };
        if at.since(self.looks.0) >= SPAN {
            self.looks = (at, 0);
        }
        // What is put off is done with the next comparison.
        if self.looks.1 >= MAX_LOOKS {
            return;
        }
        self.unseen = false;
        let mut looks = 0;
        let admitted = self.prospects.iter().position(|ledger| {
            let named = ledger.has_reached(&me);
            looks += u32::from(named);
            named && ledger.evaluate().is_member(&me)
        });
        self.looks.1 += looks;
        if let Some(index) = admitted {
            let adopted = self.prospects.swap_remove(index);
            self.prospects.clear();
            intake.fresh.extend(adopted.ids());
            intake.adopted = true;
            intake.dropped = self.ledger.replace(adopted).map(|own| own.network());
            intake.unknown = false;
        }
    }

    /// Looks at a record of a network that might be adopted.
    fn consider(&mut self, record: Record, mode: CryptoMode, unknown: &mut bool) -> Result<(), Rejection> {
        let begins = matches!(record.statement, Statement::Found(_));
        let network = if begins { record.id() } else { record.network };
        match self.prospects.iter_mut().find(|prospect| prospect.network() == network) {
            Some(prospect) => {
                let mut fresh = Vec::new();
                let kept = prospect.insert(record, mode, &mut fresh);
                self.unseen |= !fresh.is_empty();
                kept
            }
            None if begins => {
                let prospect = Ledger::found(record, mode)?;
                if self.prospects.len() >= MAX_PROSPECTS {
                    self.prospects.remove(0);
                }
                self.prospects.push(prospect);
                Ok(())
            }
            None => {
                *unknown = true;
                Ok(())
            }
        }
    }

    /// Remembers where somebody is who is no member.
    pub(super) fn note_stranger(&mut self, id: NodeId, address: Address) {
        self.forget_stranger(&id);
        if self.strangers.len() >= MAX_STRANGERS {
            self.strangers.pop_front();
        }
        self.strangers.push_back((id, address));
    }

    /// Where a stranger was last, who is none any more.
    pub(super) fn forget_stranger(&mut self, id: &NodeId) -> Option<Address> {
        let index = self.strangers.iter().position(|(known, _)| known == id)?;
        self.strangers.remove(index).map(|(_, address)| address)
    }
}

impl AdmissionCounts {
    /// Each with its name.
    pub fn refusals(&self) -> [(&'static str, u64); 5] {
        [
            ("records_forged", self.forged),
            ("records_malformed", self.malformed),
            ("records_foreign", self.foreign),
            ("records_surplus", self.surplus),
            ("records_paced", self.paced),
        ]
    }

    fn note(&mut self, kept: Result<(), Rejection>) {
        match kept {
            Ok(()) => {}
            Err(Rejection::Forged) => self.forged += 1,
            Err(Rejection::Malformed) => self.malformed += 1,
            Err(Rejection::Foreign) => self.foreign += 1,
            Err(Rejection::Full) => self.surplus += 1,
        }
    }
}
