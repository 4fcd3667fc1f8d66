//! The systems of admission.

use bevy_ecs::prelude::*;
use rand::RngExt;

use super::components::{Admission, AdmissionState, Intake};
use super::exchange::{self, NO_RECORDS};
use super::ledger::{Ledger, Rejection};
use super::messages::{AdmissionError, Invite, Revoke};
use super::outlets::{Outlets, Parting, ROW};
use super::{AdmissionConfig, AdmissionSettings};
use crate::kernel::{
    AccessList, BeaconIn, CloseSession, Connect, Fired, Instant, LastWords, NetworkTag, NodeStarted, Received, Restored, Role, Session,
    SessionClosed, SessionOpened, Timers,
};
use crate::mesh::discovery::Seeds;
use crate::wire::admission::{Record, RecordId, RevocationRule, Statement};
use crate::wire::codec::decode_value;
use crate::wire::{AdmissionMessage, CloseReason, NodeId};

/// A comparison is due.
#[derive(Clone, Copy, Debug)]
pub struct Round;

/// Begins: with what an earlier life has kept, with a network of its own, or by waiting.
pub(super) fn start(
    mut started: MessageReader<NodeStarted>,
    mut restored: MessageReader<Restored>,
    config: Res<AdmissionConfig>,
    settings: Query<(Option<&AdmissionSettings>, Option<&Seeds>)>,
    mut rounds: ResMut<Timers<Round>>,
    mut out: Outlets,
) {
    let rows: Vec<(Entity, Record)> = restored
        .read()
        .filter(|message| message.of_kind(ROW).is_some())
        .filter_map(|message| Some((message.node, decode_value(&message.value).ok()?)))
        .collect();
    for NodeStarted { node, at, with_memory } in started.read().copied() {
        let Ok((state, clock, me, keys, _, mut rng, mut admission, ..)) = out.nodes.get_mut(node) else { continue };
        let (settings, seeds) = settings.get(node).unwrap_or_default();
        let settings = settings.copied().unwrap_or(AdmissionSettings { invite_only: config.invite_only, founds: config.found });
        if !with_memory {
            *admission = Admission::default();
        }
        admission.me = Some(me.id);
        if admission.ledger.is_none() {
            let mine = rows.iter().filter(|(of, _)| *of == node).map(|(_, record)| record.clone());
            admission.restore(mine.collect(), keys.0.mode());
        }
        // Whoever is in a network by invitation stays there: if it were open because it was told so once, it would let in whomever its
        // members keep out.
        admission.invite_only = settings.invite_only || !admission.seeks();
        if !admission.invite_only {
            admission.ledger = None;
            continue;
        }
        rounds.set(node, state, clock.first(at, config.interval, rng.0.random_range(0.1..1.0)), Round);
        if admission.ledger.is_none() && settings.founds && seeds.is_none_or(|seeds| seeds.0.is_empty()) {
            let record = Record::sign(&keys.0, RecordId([0; 16]), millis(at), Statement::Found(config.rules));
            let intake = Intake { fresh: vec![record.id()], ..Intake::default() };
            admission.ledger = Ledger::found(record, keys.0.mode()).ok();
            out.spread(node, at, &intake, None);
        } else {
            // What was known in an earlier life is no news.
            out.conclude(node, at, false);
        }
    }
}

/// The time of records: milliseconds of the world's clock.
fn millis(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

/// Remembers where those are who might be invited.
pub(super) fn note_strangers(
    mut heard: MessageReader<BeaconIn>,
    mut closed: MessageReader<SessionClosed>,
    sessions: Query<&Session>,
    mut nodes: Query<(&mut Admission, &AccessList, &NetworkTag)>,
) {
    let refused = |closed: &SessionClosed| {
        let reach = sessions.get(closed.session).ok()?.reach;
        let address = if closed.role == Role::Initiator { Some(closed.address) } else { reach };
        Some((closed.node, closed.remote?, address?))
    };
    let uninvited = closed.read().filter(|closed| closed.reason == CloseReason::NotInvited).filter_map(refused);
    for (node, id, address) in uninvited {
        if let Ok((mut admission, ..)) = nodes.get_mut(node) {
            admission.note_stranger(id, address);
        }
    }
    for BeaconIn { node, hello, .. } in heard.read() {
        let Ok((mut admission, access, network)) = nodes.get_mut(*node) else { continue };
        if hello.network == network.0 && access.refusal(&hello.id) == Some(CloseReason::NotInvited) {
            admission.note_stranger(hello.id, hello.address);
        }
    }
}

/// Whoever was revoked, perhaps while it was away, is shown by whom: it can check that itself.
pub(super) fn show_revoked(mut closed: MessageReader<SessionClosed>, mut out: Outlets) {
    // Of a session that had been open it has heard all there is.
    let refused = closed.read().filter(|closed| closed.reason == CloseReason::Revoked && !closed.was_open);
    for SessionClosed { node, session, remote, .. } in refused {
        let (Some(remote), Ok((_, _, _, _, _, _, admission, ..))) = (remote, out.nodes.get(*node)) else { continue };
        let Some(ledger) = admission.ledger().filter(|_| admission.roll.is_revoked(remote)) else { continue };
        for message in exchange::send(ledger.evidence(remote, &admission.roll)) {
            out.words.write(LastWords { session: *session, message: message.into() });
        }
    }
}

/// Whoever dialled begins to compare; so does whoever seeks a network, for in one that is open nobody else would.
pub(super) fn greet(mut opened: MessageReader<SessionOpened>, mut out: Outlets) {
    for SessionOpened { node, session, role, at, .. } in opened.read().copied() {
        let Ok((_, _, _, _, _, _, admission, ..)) = out.nodes.get(node) else { continue };
        if admission.invite_only && (role == Role::Initiator || admission.seeks()) {
            let hash = AdmissionMessage::Hash(hash(admission));
            out.send(session, at, hash);
        }
    }
}

fn hash(admission: &Admission) -> [u8; 16] {
    admission.shared().map_or(NO_RECORDS, Ledger::hash)
}

pub(super) fn receive(mut received: ResMut<Messages<Received<AdmissionMessage>>>, mut out: Outlets) {
    for Received { node, session, at, message } in received.drain() {
        let Ok((_, _, _, keys, _, _, mut admission, ..)) = out.nodes.get_mut(node) else { continue };
        if !admission.invite_only {
            // It would hold the other for a member, and the other not it.
            out.hang_up(session, at, CloseReason::OtherAdmission);
            continue;
        }
        let answers = match message {
            AdmissionMessage::Hash(NO_RECORDS) if admission.seeks() => {
                // Neither has been invited by the other, and neither can say where the other has.
                out.hang_up(session, at, CloseReason::NotInvited);
                continue;
            }
            AdmissionMessage::Hash(theirs) if theirs == hash(&admission) => continue,
            AdmissionMessage::Hash(_) => Ok(vec![exchange::have(admission.shared())]),
            AdmissionMessage::Have(theirs) => exchange::answer_have(&theirs, admission.shared(), |id| admission.knows(id)),
            AdmissionMessage::Want(wanted) => exchange::answer_want(&wanted, admission.shared()),
            AdmissionMessage::Records(records) => {
                let intake = admission.take_in(records, keys.0.mode(), at);
                out.spread(node, at, &intake, Some(session));
                if let Some(reason) = intake.breach {
                    out.hang_up(session, at, reason);
                }
                // Who knows nothing of the network asks for all of it.
                Ok(if intake.unknown { vec![exchange::have(None)] } else { Vec::new() })
            }
        };
        match answers {
            Ok(answers) => {
                let asker = out.sessions.get(session).ok().and_then(|session| session.remote);
                for answer in answers {
                    let Ok((_, _, _, _, _, _, mut admission, ..)) = out.nodes.get_mut(node) else { break };
                    if !asker.is_some_and(|asker| admission.answers(&asker, at)) {
                        break;
                    }
                    out.send(session, at, answer);
                }
            }
            Err(exchange::Violation) => out.hang_up(session, at, CloseReason::ProtocolViolation),
        }
    }
}

pub(super) fn invite(mut asked: ResMut<Messages<Invite>>, mut out: Outlets) {
    for Invite { node, target, at } in asked.drain() {
        let verdict = say(node, at, target, Statement::Invite(target), &mut out);
        if let Err(reason) = verdict {
            out.decline(node, target, reason, at);
            continue;
        }
        let Ok((.., mut admission, _, book)) = out.nodes.get_mut(node) else { continue };
        let address = admission.forget_stranger(&target).or_else(|| book.get(&target).map(|peer| peer.address));
        if let Some(to) = address {
            out.connect.write(Connect { node, to, at });
        }
    }
}

pub(super) fn revoke(mut asked: ResMut<Messages<Revoke>>, mut out: Outlets) {
    for Revoke { node, target, at } in asked.drain() {
        let Ok((_, _, me, _, _, _, admission, ..)) = out.nodes.get(node) else { continue };
        let standing = admission.ledger().map(|ledger| ledger.standing(&me.id, &target)).unwrap_or_default();
        if let Err(reason) = say(node, at, target, Statement::Revoke { target, standing }, &mut out) {
            out.decline(node, target, reason, at);
        }
    }
}

/// Signs `statement` about `target`, if that has any effect, and spreads it.
fn say(node: Entity, at: Instant, target: NodeId, statement: Statement, out: &mut Outlets) -> Result<(), AdmissionError> {
    let Ok((_, _, me, keys, _, _, mut admission, ..)) = out.nodes.get_mut(node) else { return Err(AdmissionError::NotAMember) };
    may_say(&admission, me.id, target, &statement)?;
    let Some(ledger) = &mut admission.ledger else { return Err(AdmissionError::NotAMember) };
    let record = Record::sign(&keys.0, ledger.network(), millis(at), statement);
    let mut intake = Intake::default();
    match ledger.insert(record, keys.0.mode(), &mut intake.fresh) {
        Ok(()) => {}
        Err(Rejection::Full) => return Err(AdmissionError::Full),
        Err(Rejection::Forged | Rejection::Malformed | Rejection::Foreign) => return Err(AdmissionError::NotEntitled),
    }
    out.spread(node, at, &intake, None);
    Ok(())
}

fn may_say(admission: &Admission, me: NodeId, target: NodeId, statement: &Statement) -> Result<(), AdmissionError> {
    match admission.state() {
        AdmissionState::Open => return Err(AdmissionError::OpenNetwork),
        AdmissionState::Waiting | AdmissionState::Revoked => return Err(AdmissionError::NotAMember),
        AdmissionState::Founder { .. } | AdmissionState::Member => {}
    }
    if target == me {
        return Err(AdmissionError::OwnKey);
    }
    if admission.roll.is_revoked(&target) {
        return Err(AdmissionError::AlreadyRevoked);
    }
    let rule = admission.rules().map_or(RevocationRule::AnyMember, |rules| rules.revocation);
    match statement {
        Statement::Revoke { .. } if !admission.roll.is_entitled(&me, &target, rule) => Err(AdmissionError::NotEntitled),
        Statement::Revoke { .. } if admission.ledger().is_some_and(|ledger| ledger.has_revoked(&me, &target)) => {
            Err(AdmissionError::AlreadySaid)
        }
        Statement::Invite(_) if admission.roll.is_member(&target) => Err(AdmissionError::AlreadyMember),
        _ => Ok(()),
    }
}

/// Closes the sessions of those who are no members any more.
pub(super) fn part(mut fired: MessageReader<Fired<Parting>>, mut out: Outlets) {
    for Fired { node, at, .. } in fired.read().copied() {
        for (session, remote) in out.open_sessions(node) {
            let Ok((.., access, _)) = out.nodes.get(node) else { break };
            let belonging = out.sessions.get(session).map_or(access.belonging, |session| session.belonging);
            if let Some(reason) = access.refusal(&remote).or_else(|| access.belonging.refusal(belonging)) {
                out.close.write(CloseSession { session, reason, at });
            }
        }
    }
}

/// Compares with a random session, for what was lost on its way or came through nobody.
pub(super) fn compare(
    mut fired: MessageReader<Fired<Round>>,
    config: Res<AdmissionConfig>,
    mut rounds: ResMut<Timers<Round>>,
    mut out: Outlets,
) {
    for Fired { node, at, .. } in fired.read().copied() {
        let open = out.open_sessions(node);
        let Ok((state, clock, _, _, _, mut rng, mut admission, ..)) = out.nodes.get_mut(node) else { continue };
        rounds.set(node, state, clock.after(at, config.interval), Round);
        let session = if open.is_empty() { None } else { Some(open[rng.0.random_range(0..open.len())].0) };
        let mut intake = Intake::default();
        admission.look(&mut intake, at);
        out.spread(node, at, &intake, None);
        let Ok((_, _, _, _, _, _, admission, ..)) = out.nodes.get(node) else { continue };
        if let Some(session) = session {
            let message = AdmissionMessage::Hash(hash(admission));
            out.send(session, at, message);
        }
    }
}
