//! What follows from records that are new.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::system::SystemParam;

use super::components::{Admission, Intake};
use super::exchange;
use super::ledger::Ledger;
use super::messages::{Accused, AdmissionChanged, AdmissionError, AdmissionRefused, Admitted, Revoked};
use super::roll::Roll;
use crate::crypto::NodeId;
use crate::kernel::{
    AccessList, AddressBook, CloseSession, Connect, Contact, Instant, Keys, LastWords, Node, NodeClock, NodeRng, Outgoing, Persist,
    Refusals, Session, SessionPhase, Sessions, Timers, row,
};
use crate::wire::admission::{Belonging, Record, RecordId, RevocationRule, Statement};
use crate::wire::codec::encode_value;
use crate::wire::{AdmissionMessage, CloseReason};

/// The kind of rows in the store: records by name.
pub(super) const ROW: &str = "admission";

/// From the news that somebody is no member to the end of its sessions: what is sent right before a link goes down may not be heard, and
/// whoever was revoked shall know why.
const LINGER: Duration = Duration::from_millis(200);

/// The sessions of those who are refused shall be closed.
#[derive(Clone, Copy, Debug)]
pub struct Parting;

/// Whatever admission needs of a node. It has no `Sessions` while it has no session.
pub(super) type NodeParts<'a> = (
    &'a Node,
    &'a NodeClock,
    &'a Contact,
    &'a Keys,
    Option<&'a Sessions>,
    &'a mut NodeRng,
    &'a mut Admission,
    &'a mut AccessList,
    &'a mut AddressBook,
);

/// Where admission looks and acts.
#[derive(SystemParam)]
pub(super) struct Outlets<'w, 's> {
    pub nodes: Query<'w, 's, NodeParts<'static>>,
    pub sessions: Query<'w, 's, &'static Session>,
    pub outgoing: MessageWriter<'w, Outgoing>,
    pub close: MessageWriter<'w, CloseSession>,
    pub connect: MessageWriter<'w, Connect>,
    pub words: MessageWriter<'w, LastWords>,
    pub refusals: ResMut<'w, Refusals>,
    persist: MessageWriter<'w, Persist>,
    refused: MessageWriter<'w, AdmissionRefused>,
    admitted: MessageWriter<'w, Admitted>,
    revoked: MessageWriter<'w, Revoked>,
    accused: MessageWriter<'w, Accused>,
    changed: MessageWriter<'w, AdmissionChanged>,
    partings: ResMut<'w, Timers<Parting>>,
}

impl Outlets<'_, '_> {
    pub fn send(&mut self, session: Entity, at: Instant, message: AdmissionMessage) {
        self.outgoing.write(Outgoing { session, at, message: message.into() });
    }

    pub fn hang_up(&mut self, session: Entity, at: Instant, reason: CloseReason) {
        self.refusals.count(reason);
        self.close.write(CloseSession { session, reason, at });
    }

    pub fn decline(&mut self, node: Entity, target: NodeId, reason: AdmissionError, at: Instant) {
        self.refused.write(AdmissionRefused { node, target, reason, at });
    }

    /// The open sessions of a node, and where they lead, by that.
    pub fn open_sessions(&self, node: Entity) -> Vec<(Entity, NodeId)> {
        let Ok((_, _, _, _, Some(mine), ..)) = self.nodes.get(node) else { return Vec::new() };
        let open = |session: Entity| {
            let state = self.sessions.get(session).ok().filter(|state| state.phase == SessionPhase::Established)?;
            Some((session, state.remote?))
        };
        let mut all: Vec<(Entity, NodeId)> = mine.iter().filter_map(open).collect();
        all.sort_unstable_by_key(|(_, remote)| *remote);
        all
    }

    /// Keeps what is new, passes it on to all but who told it, and draws the conclusions.
    pub fn spread(&mut self, node: Entity, at: Instant, intake: &Intake, from: Option<Entity>) {
        if let Some(dropped) = intake.dropped {
            self.persist.write(Persist::forget(node, row(ROW, &dropped.0)));
        }
        if intake.fresh.is_empty() {
            return;
        }
        let Ok((_, _, _, _, _, _, admission, ..)) = self.nodes.get(node) else { return };
        let Some(ledger) = admission.ledger() else { return };
        let records: Vec<(RecordId, &Record)> = intake.fresh.iter().filter_map(|id| Some((*id, ledger.get(id)?))).collect();
        let accusations: Vec<(NodeId, NodeId)> = records.iter().filter_map(|(_, record)| accusation(record)).collect();
        for (id, record) in &records {
            // What can be sent can be encoded.
            let Ok(value) = encode_value(record) else { continue };
            self.persist.write(Persist::keep(node, row(ROW, &id.0), value));
        }
        // Those whom it has met so far need not be in the network that it is in now; whoever is compares records anyway.
        let silent = admission.seeks() || intake.adopted;
        let messages = if silent { Vec::new() } else { exchange::send(records.iter().map(|(_, record)| *record)) };
        for (session, _) in self.open_sessions(node).into_iter().filter(|(session, _)| Some(*session) != from) {
            for message in &messages {
                self.send(session, at, message.clone());
            }
        }
        self.conclude(node, at, true);
        self.tell_accusations(node, at, &accusations);
    }

    /// Tells who has spoken for a revocation that takes more members than have spoken for it.
    fn tell_accusations(&mut self, node: Entity, at: Instant, accusations: &[(NodeId, NodeId)]) {
        let Ok((_, _, _, _, _, _, admission, ..)) = self.nodes.get(node) else { return };
        let Some(RevocationRule::Quorum(needed)) = admission.rules().map(|rules| rules.revocation) else { return };
        for (by, target) in accusations.iter().copied() {
            let said = admission.roll.speakers(&target);
            if said > 0 {
                self.accused.write(Accused { node, target, by, said, needed: usize::from(needed), at });
            }
        }
    }

    /// Finds out who is a member now, and has that be so: others are told if `aloud`.
    pub fn conclude(&mut self, node: Entity, at: Instant, aloud: bool) {
        let Ok((state, clock, _, _, _, _, mut admission, mut access, mut book)) = self.nodes.get_mut(node) else { return };
        let now = admission.ledger().map(Ledger::evaluate).unwrap_or_default();
        // A revocation for which others must speak too changes nobody's place, but a founder that has spoken is not provisional any more.
        if aloud && now.has_same_members(&admission.roll) && access.unsettled == admission.seeks() {
            admission.roll = now;
            return;
        }
        let before = std::mem::replace(&mut admission.roll, now);
        *access = access_list(&admission);
        book.retain(|id| access.admits(id));
        if aloud {
            tell(node, at, &before, &admission.roll, &mut self.admitted, &mut self.revoked);
        }
        self.partings.set(node, state, clock.after(at, LINGER), Parting);
        self.changed.write(AdmissionChanged { node, at });
    }
}

/// Who speaks for whose revocation.
fn accusation(record: &Record) -> Option<(NodeId, NodeId)> {
    match &record.statement {
        Statement::Revoke { target, .. } => Some((record.signer, *target)),
        Statement::Found(_) | Statement::Invite(_) => None,
    }
}

fn access_list(admission: &Admission) -> AccessList {
    if !admission.invite_only {
        return AccessList::default();
    }
    if admission.seeks() {
        return AccessList { unsettled: true, belonging: Belonging::Seeking, ..AccessList::default() };
    }
    AccessList {
        admitted: Some(admission.members().copied().collect()),
        revoked: admission.revoked().copied().collect(),
        past: admission.rules().unwrap_or_default().past,
        unsettled: false,
        belonging: admission.ledger().map_or(Belonging::Seeking, |ledger| Belonging::Network(ledger.network())),
    }
}

fn tell(
    node: Entity,
    at: Instant,
    before: &Roll,
    now: &Roll,
    admitted: &mut MessageWriter<Admitted>,
    revoked: &mut MessageWriter<Revoked>,
) {
    for member in now.members().filter(|id| !before.is_member(id)) {
        let sponsor = now.place(member).map_or(*member, |place| place.sponsor);
        admitted.write(Admitted { node, member: *member, sponsor, at });
    }
    for (member, by) in now.revoked().filter(|(id, _)| !before.is_revoked(id)) {
        revoked.write(Revoked { node, member: *member, by: *by, at });
    }
}
