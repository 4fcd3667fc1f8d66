use std::time::Duration;

use bevy_ecs::prelude::*;
use murmuration::crypto::{Identity, NodeId};
use murmuration::kernel::{Contact, Instant, Keys, Outgoing, Refusals, Session, SessionPhase, Sessions};
use murmuration::mesh::admission::{
    Accused, Admission, AdmissionConfig, AdmissionError, AdmissionRefused, AdmissionState, Admitted, Invite, Revoke, Revoked,
};
use murmuration::mesh::membership::Membership;
use murmuration::scenario::{Fault, FaultKind, Network, Protocols, Scenario, Selection, Start};
use murmuration::wire::admission::{Record, RevocationRule, Rules, Statement};
use murmuration::wire::{AdmissionMessage, CloseReason};

use crate::harness::{Step, node, observe, strangers};

/// Node 0 founds the network, the others know it as their seed.
fn by_invitation(nodes: u32, seconds: u64) -> Scenario {
    let admission = Some(AdmissionConfig { invite_only: true, ..AdmissionConfig::default() });
    Scenario {
        protocols: Protocols { admission, ..Protocols::default() },
        start: Start::Together { seeds: 1 },
        ..strangers(nodes, seconds)
    }
}

fn id(world: &mut World, ordinal: u32) -> NodeId {
    let node = node(world, ordinal);
    world.get::<Contact>(node).expect("a node has a contact").id
}

fn invite(world: &mut World, at: Instant, by: u32, target: u32) {
    let (node, target) = (node(world, by), id(world, target));
    world.write_message(Invite { node, target, at });
}

fn revoke(world: &mut World, at: Instant, by: u32, target: u32) {
    let (node, target) = (node(world, by), id(world, target));
    world.write_message(Revoke { node, target, at });
}

/// Whom `of` holds for a member of its mesh, by ordinal.
fn view(world: &mut World, of: u32, nodes: u32) -> Vec<u32> {
    let ids: Vec<NodeId> = (0..nodes).map(|ordinal| id(world, ordinal)).collect();
    let node = node(world, of);
    let membership = world.get::<Membership>(node).expect("a node has membership");
    (0..nodes).filter(|other| *other != of && membership.members().any(|member| *member == ids[*other as usize])).collect()
}

fn state(world: &mut World, of: u32) -> AdmissionState {
    let node = node(world, of);
    world.get::<Admission>(node).expect("a node has admission").state()
}

/// Who has an open session with `to`. It itself may believe that it has one, until it hears that it was refused.
fn in_touch(world: &mut World, to: u32, nodes: u32) -> Vec<u32> {
    let id = id(world, to);
    let mut touches = |of: u32| {
        let node = node(world, of);
        let sessions: Vec<Entity> = world.get::<Sessions>(node).map(|all| all.iter().collect()).unwrap_or_default();
        let mut states = sessions.into_iter().filter_map(|session| world.get::<Session>(session));
        states.any(|state| state.phase == SessionPhase::Established && state.remote == Some(id))
    };
    (0..nodes).filter(|of| touches(*of)).collect()
}

fn refusals(world: &World, reason: CloseReason) -> u64 {
    world.resource::<Refusals>().iter().find(|(other, _)| *other == reason).map_or(0, |(_, count)| count)
}

#[test]
fn the_uninvited_is_refused_until_somebody_invites_it() {
    fn alone(world: &mut World, _: Instant) {
        assert_eq!(state(world, 0), AdmissionState::Founder { provisional: true });
        assert_eq!(state(world, 1), AdmissionState::Waiting);
        for of in [0, 1] {
            assert_eq!(view(world, of, 3), [0; 0], "node {of} holds somebody for a member");
        }
        assert!(refusals(world, CloseReason::NotInvited) > 5);
    }
    fn two(world: &mut World, _: Instant) {
        assert_eq!((view(world, 0, 3), view(world, 1, 3), view(world, 2, 3)), (vec![1], vec![0], vec![]));
        assert_eq!(state(world, 0), AdmissionState::Founder { provisional: false });
        assert_eq!((state(world, 1), state(world, 2)), (AdmissionState::Member, AdmissionState::Waiting));
        assert_eq!(in_touch(world, 2, 3), [0; 0]);
    }
    fn three(world: &mut World, _: Instant) {
        assert_eq!((view(world, 0, 3), view(world, 1, 3), view(world, 2, 3)), (vec![1, 2], vec![0, 2], vec![0, 1]));
    }
    let script: [Step; 5] = [
        (30_000, alone),
        (30_001, |world, at| invite(world, at, 0, 1)),
        (36_000, two),
        // Any member may, whoever the seed is.
        (60_000, |world, at| invite(world, at, 1, 2)),
        (66_000, three),
    ];
    let admitted = observe::<Admitted>(&by_invitation(3, 70), &script);
    assert!(admitted.iter().any(|(of, admitted)| *of == 2 && admitted.at < Instant::ZERO + Duration::from_secs(64)), "{admitted:?}");
}

/// Everybody is invited by node 0.
const ALL_INVITED: [Step; 1] = [(2000, |world, at| (1..5).for_each(|target| invite(world, at, 0, target)))];

#[test]
fn the_revoked_is_cut_off_everywhere_and_stays_out() {
    fn whole(world: &mut World, _: Instant) {
        (0..5).for_each(|of| assert_eq!(view(world, of, 5).len(), 4, "the view of node {of}"));
    }
    fn cut_off(world: &mut World, _: Instant) {
        assert_eq!(in_touch(world, 3, 5), [0; 0]);
        assert_eq!(state(world, 3), AdmissionState::Revoked);
        (0..5).filter(|of| *of != 3).for_each(|of| {
            assert!(!view(world, of, 5).contains(&3), "node {of} holds the revoked for a member");
            assert_eq!(view(world, of, 5).len(), 3, "the view of node {of}");
        });
    }
    let mut script = ALL_INVITED.to_vec();
    script.extend::<[Step; 5]>([
        (30_000, whole),
        (30_001, |world, at| revoke(world, at, 1, 3)),
        (35_000, cut_off),
        (36_000, |world, at| invite(world, at, 0, 3)),
        (60_000, cut_off),
    ]);
    let scenario = by_invitation(5, 61);
    let refused = observe::<AdmissionRefused>(&scenario, &script);
    assert_eq!(refused.iter().map(|(of, refused)| (*of, refused.reason)).collect::<Vec<_>>(), [(0, AdmissionError::AlreadyRevoked)]);
    let revoked = observe::<Revoked>(&scenario, &script);
    assert!(revoked.iter().all(|(_, revoked)| revoked.at < Instant::ZERO + Duration::from_secs(31)), "{revoked:?}");
    let mut heard: Vec<u32> = revoked.iter().map(|(of, _)| *of).collect();
    heard.sort_unstable();
    assert_eq!(heard, [0, 1, 2, 3, 4], "each hears it once, the revoked too");
}

#[test]
fn a_revocation_under_a_partition_takes_effect_on_the_other_side_after_the_heal() {
    fn not_yet(world: &mut World, _: Instant) {
        assert_eq!(state(world, 3), AdmissionState::Member);
        assert!(view(world, 4, 5).contains(&3));
    }
    fn everywhere(world: &mut World, _: Instant) {
        assert_eq!((state(world, 3), in_touch(world, 3, 5)), (AdmissionState::Revoked, vec![]));
        [0, 1, 2, 4].iter().for_each(|of| assert_eq!(view(world, *of, 5).len(), 3, "the view of node {of}"));
    }
    let fault = |seconds, kind| Fault { at: Duration::from_secs(seconds), kind };
    let faults = vec![fault(20, FaultKind::Partition(vec![Selection::Nodes(vec![3, 4])])), fault(50, FaultKind::Heal)];
    let mut script = ALL_INVITED.to_vec();
    script.extend::<[Step; 3]>([(30_000, |world, at| revoke(world, at, 1, 3)), (49_000, not_yet), (100_000, everywhere)]);
    observe::<Revoked>(&Scenario { faults, ..by_invitation(5, 101) }, &script);
}

#[test]
fn a_forged_invitation_has_no_effect_and_is_counted() {
    /// Node 1 says that node 0 has invited somebody.
    fn forge(world: &mut World, at: Instant) {
        let (founder, target) = (id(world, 0), id(world, 2));
        let forger = node(world, 1);
        let network = world.get::<Admission>(forger).and_then(Admission::ledger).expect("it is a member").network();
        let identity: &Identity = &world.get::<Keys>(forger).expect("a node has keys").0;
        let record = Record { signer: founder, ..Record::sign(identity, network, 1, Statement::Invite(target)) };
        let sessions: Vec<Entity> = world.get::<Sessions>(forger).expect("it has a session").iter().collect();
        for session in sessions {
            world.write_message(Outgoing { session, at, message: AdmissionMessage::Records(vec![record.clone()]).into() });
        }
    }
    fn in_vain(world: &mut World, _: Instant) {
        assert_eq!(refusals(world, CloseReason::ForgedIdentity), 1);
        let founder = node(world, 0);
        let admission = world.get::<Admission>(founder).expect("a node has admission");
        assert_eq!((admission.refused().forged, admission.members().count()), (1, 2));
        assert_eq!(state(world, 2), AdmissionState::Waiting);
        assert_eq!((view(world, 0, 3), view(world, 2, 3)), (vec![1], vec![]));
    }
    let script: [Step; 3] = [(2000, |world, at| invite(world, at, 0, 1)), (20_000, forge), (40_000, in_vain)];
    observe::<Admitted>(&by_invitation(3, 41), &script);
}

#[test]
fn all_hear_how_many_have_spoken_for_a_revocation() {
    let rules = Rules { revocation: RevocationRule::Quorum(3), ..Rules::default() };
    let scenario = by_invitation(5, 40);
    let admission = scenario.protocols.admission.clone().map(|admission| AdmissionConfig { rules, ..admission });
    let scenario = Scenario { protocols: Protocols { admission, ..scenario.protocols }, ..scenario };
    let mut script = ALL_INVITED.to_vec();
    script.extend::<[Step; 4]>([
        (20_000, |world, at| revoke(world, at, 1, 4)),
        (25_000, |world, at| revoke(world, at, 2, 4)),
        (29_000, |world, _| assert_eq!(state(world, 4), AdmissionState::Member)),
        (30_000, |world, at| revoke(world, at, 0, 4)),
    ]);
    let mut told: Vec<(u32, usize, usize)> =
        observe::<Accused>(&scenario, &script).iter().map(|(of, accused)| (*of, accused.said, accused.needed)).collect();
    told.sort_unstable();
    // The voters, the others, and the one whom it is about.
    assert_eq!(told, (0..5).flat_map(|of| [(of, 1, 3), (of, 2, 3)]).collect::<Vec<_>>());
    assert_eq!(observe::<Revoked>(&scenario, &script).len(), 5);
}

#[test]
fn requests_without_effect_are_answered() {
    fn ask(world: &mut World, at: Instant) {
        invite(world, at, 0, 0);
        invite(world, at, 0, 1);
        revoke(world, at, 0, 0);
        invite(world, at, 2, 1);
    }
    let script: [Step; 2] = [(2000, |world, at| invite(world, at, 0, 1)), (20_000, ask)];
    let reasons = |scenario: &Scenario| {
        let refused = observe::<AdmissionRefused>(scenario, &script);
        refused.iter().map(|(of, refused)| (*of, refused.reason)).collect::<Vec<_>>()
    };
    use AdmissionError as E;
    let closed = by_invitation(3, 21);
    assert_eq!(reasons(&closed), [(0, E::OwnKey), (0, E::AlreadyMember), (2, E::NotAMember), (0, E::OwnKey)]);
    let protocols = Protocols { admission: Some(AdmissionConfig::default()), ..closed.protocols.clone() };
    assert!(reasons(&Scenario { protocols, ..closed }).iter().all(|(_, reason)| *reason == E::OpenNetwork));
}

#[test]
fn founders_who_have_invited_nobody_join_whoever_invites_them() {
    fn together(world: &mut World, _: Instant) {
        (0..4).for_each(|of| assert_eq!(view(world, of, 4).len(), 3, "the view of node {of}"));
        assert_eq!(state(world, 2), AdmissionState::Member);
    }
    let scenario = by_invitation(4, 60);
    // Without seeds each founds a network; they find each other on their segment.
    let scenario = Scenario {
        network: Network { segments: vec![Selection::All], ..scenario.network },
        start: Start::Together { seeds: 0 },
        ..scenario
    };
    let script: [Step; 2] = [(5000, |world, at| (0..4).for_each(|target| invite(world, at, 1, target))), (30_000, together)];
    observe::<Admitted>(&scenario, &script);
}

/// It has nothing, and says so again and again: each time it would be sent all.
#[test]
fn who_asks_for_all_records_without_end_gets_its_share() {
    fn ask(world: &mut World, at: Instant) {
        let asker = node(world, 1);
        let sessions: Vec<Entity> = world.get::<Sessions>(asker).expect("it has a session").iter().collect();
        for _ in 0..1_000 {
            for session in &sessions {
                world.write_message(Outgoing { session: *session, at, message: AdmissionMessage::Have(Vec::new()).into() });
            }
        }
    }
    fn paced(world: &mut World, _: Instant) {
        let founder = node(world, 0);
        let counts = world.get::<Admission>(founder).expect("a node has admission").refused();
        assert!((700..900).contains(&counts.paced), "{counts:?}");
        assert_eq!((view(world, 0, 3), view(world, 2, 3)), (vec![1, 2], vec![0, 1]), "it is as before");
    }
    let invited: Step = (2000, |world, at| (1..3).for_each(|target| invite(world, at, 0, target)));
    observe::<Admitted>(&by_invitation(3, 41), &[invited, (30_000, ask), (40_000, paced)]);
}
