use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::apply::{Change, apply};
use super::exchange::{Scratch, Violation, answer, digest, fulfil};
use super::signing::Verifier;
use super::state::State;
use super::testbed::{Testbed, identity};
use super::*;
use crate::crypto::{CryptoMode, Identity};
use crate::kernel::{Instant, NodeState};
use crate::mesh::detection::DetectionConfig;
use crate::wire::Address;
use crate::wire::membership::{Delta, Entry, News};

const PLENTY: usize = 16 << 10;
const SECOND: Duration = Duration::from_secs(1);

struct One {
    keys: Identity,
    state: State,
}

fn one(ordinal: u32, mode: CryptoMode) -> One {
    let keys = identity(ordinal, mode);
    let mut state = State::default();
    state.begin(&keys, Address::Memory(ordinal), 1);
    One { keys, state }
}

fn take(to: &mut One, delta: &Delta) -> Result<Vec<Change>, Violation> {
    let mut changes = Vec::new();
    let mut verifier = Verifier::default();
    delta.iter().try_for_each(|news| apply(&mut to.state, news, &mut verifier, to.keys.mode(), &mut changes))?;
    Ok(changes)
}

/// One exchange that `a` begins.
fn exchange(a: &mut One, b: &mut One, bytes: usize) {
    let mut scratch = Scratch::default();
    let syn = digest(&mut a.state, bytes);
    let (delta, requests) = answer(&b.state, &syn, &a.keys.id(), (bytes, 5), &mut scratch).unwrap();
    take(a, &delta).unwrap();
    let ack = fulfil(&a.state, &requests, &b.keys.id(), (bytes, 6), &mut scratch);
    take(b, &ack).unwrap();
}

/// What a state says of everybody, to compare.
fn content(one: &One) -> Vec<(u64, u64, u32, u32, Vec<Arc<Entry>>)> {
    let known = one.state.known.iter();
    known
        .map(|known| {
            let entries = one.state.members[usize::from(known.slot)].entries.to_vec();
            (known.prefix, known.incarnation, known.heartbeat, known.version, entries)
        })
        .collect()
}

#[test]
fn the_deepest_member_goes_first_and_versions_in_order() {
    // The receiver lacks one entry of p, three of q and two of r; the sender has all.
    let [mut sender, mut receiver, mut p, mut q, mut r] = [0, 1, 2, 3, 4].map(|ordinal| one(ordinal, CryptoMode::Modelled));
    for member in [&mut p, &mut q, &mut r] {
        exchange(member, &mut sender, PLENTY);
    }
    exchange(&mut receiver, &mut sender, PLENTY);
    for (member, keys) in [(&mut p, 1), (&mut q, 3), (&mut r, 2)] {
        for key in ["a", "b", "c"].iter().take(keys) {
            assert!(member.state.set(&member.keys.clone(), key, Some(b"value"), Instant::ZERO));
        }
        exchange(member, &mut sender, PLENTY);
    }
    let mut offered = |bytes| {
        let syn = digest(&mut receiver.state, PLENTY);
        let (delta, _) = answer(&sender.state, &syn, &receiver.keys.id(), (bytes, 9), &mut Scratch::default()).unwrap();
        delta.iter().map(|news| (news.owner, news.entries.iter().map(|entry| entry.version).collect())).collect::<Vec<(_, Vec<u32>)>>()
    };
    let (p, q, r) = (p.keys.id(), q.keys.id(), r.keys.id());
    assert_eq!(offered(PLENTY), [(q, vec![2, 3, 4]), (r, vec![2, 3]), (p, vec![2])]);
    // An entry has 74 bytes here, what is around the entries of a member 36.
    assert_eq!(offered(36 + 74 + 74), [(q, vec![2, 3])]);
    assert_eq!(offered(36 + 3 * 74 + 36 + 74), [(q, vec![2, 3, 4]), (r, vec![2])]);
    assert_eq!(offered(0), [(q, vec![2])], "there is always some progress");
}

#[test]
fn a_digest_that_is_out_of_order_is_refused() {
    let mut a = one(0, CryptoMode::Modelled);
    let mut b = one(1, CryptoMode::Modelled);
    exchange(&mut a, &mut b, PLENTY);
    let mut syn = digest(&mut a.state, PLENTY);
    syn.summaries.reverse();
    assert_eq!(answer(&b.state, &syn, &a.keys.id(), (PLENTY, 0), &mut Scratch::default()), Err(Violation));
}

#[test]
fn the_namespace_has_its_limits() {
    let mut a = one(0, CryptoMode::Modelled);
    let keys = a.keys.clone();
    let mut set = |key: &str, value: Option<&[u8]>| a.state.set(&keys, key, value, Instant::ZERO);
    assert!(!set(ADDRESS, Some(b"n9")) && !set(ADDRESS, None), "the address lasts for a life");
    assert!(!set(&"k".repeat(MAX_KEY + 1), Some(b"")));
    assert!(!set("k", Some(&[0; MAX_VALUE + 1])));
    assert!(!set("never set", None));
    for key in 1..MAX_ENTRIES {
        assert!(set(&key.to_string(), Some(b"x")));
    }
    assert!(!set("one too many", Some(b"x")));
    assert!(!set("1", Some(b"x")), "nothing would change");
    assert!(set("1", Some(b"y")) && set("1", None) && set("1", Some(b"z")));
}

#[test]
fn a_node_outbids_its_earlier_life() {
    let mut other = one(1, CryptoMode::Real);
    let mut earlier = one(0, CryptoMode::Real);
    earlier.state.begin(&earlier.keys, Address::Memory(0), 500);
    exchange(&mut earlier, &mut other, PLENTY);
    // Its clock runs behind after the restart, and the other has come to suspect it.
    let mut later = one(0, CryptoMode::Real);
    let index = other.state.find(&later.keys.id()).unwrap();
    other.state.known[index].suspected = true;
    let syn = digest(&mut later.state, PLENTY);
    let (delta, _) = answer(&other.state, &syn, &later.keys.id(), (PLENTY, 0), &mut Scratch::default()).unwrap();
    assert!(take(&mut later, &delta).unwrap().contains(&Change::Outlived(500)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_states_become_equal_under_any_budget(
        bytes in 0_usize..3000,
        writes in prop::collection::vec((0_usize..4, 0_u8..6, prop::option::of(0_usize..300), 0_usize..4), 0..40),
    ) {
        let mut all = [0, 1, 2, 3].map(|ordinal| one(ordinal, CryptoMode::Modelled));
        let meet = |all: &mut [One; 4], a: usize, b: usize| {
            if let Ok([a, b]) = all.get_disjoint_mut([a, b]) {
                exchange(a, b, bytes);
            }
        };
        for (step, (who, key, value, with)) in writes.into_iter().enumerate() {
            let One { keys, state } = &mut all[who];
            let value = value.map(|length| vec![key; length]);
            state.set(keys, &key.to_string(), value.as_deref(), Instant::from_nanos(step as u64));
            state.beat(keys);
            state.collect(keys, Instant::from_nanos(step.saturating_sub(5) as u64));
            meet(&mut all, who, with);
        }
        for round in 0..200 {
            meet(&mut all, round % 4, (round + 1) % 4);
        }
        for node in &all[1..] {
            prop_assert_eq!(content(node), content(&all[0]));
        }
    }

    #[test]
    fn nobody_writes_in_anothers_namespace(place in 0_usize..9, index in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut owner = one(0, CryptoMode::Real);
        let keys = owner.keys.clone();
        owner.state.set(&keys, "nick", Some(b"ada"), Instant::ZERO);
        let (known, member) = owner.state.member(&keys.id()).unwrap();
        let entries = member.entries.to_vec();
        let genuine =
            News { owner: keys.id(), incarnation: known.incarnation, heartbeat: Some(member.heartbeat), after: 0, entries };

        let mut forged = genuine.clone();
        let which = index.index(2);
        let mut entry = (*forged.entries[which]).clone();
        let heartbeat = forged.heartbeat.as_mut().unwrap();
        match place {
            0 => entry.key = format!("{}x", entry.key).into(),
            1 => { let at = index.index(entry.value.len()); entry.value[at] ^= flip; }
            2 => entry.version ^= u32::from(flip),
            3 => entry.deleted = !entry.deleted,
            4 => entry.signature.0[index.index(64)] ^= flip,
            5 => heartbeat.count ^= u32::from(flip),
            6 => heartbeat.collected ^= u32::from(flip),
            7 => heartbeat.signature.0[index.index(64)] ^= flip,
            _ => forged.incarnation ^= u64::from(flip),
        }
        forged.entries[which] = Arc::new(entry);
        let mut victim = one(1, CryptoMode::Real);
        let _ = take(&mut victim, &vec![forged]);
        if let Some((known, member)) = victim.state.member(&keys.id()) {
            prop_assert_eq!(known.incarnation, genuine.incarnation);
            prop_assert_eq!(Some(member.heartbeat), genuine.heartbeat);
            prop_assert!(member.entries.iter().all(|entry| genuine.entries.contains(entry)));
        }
    }

    #[test]
    fn stale_gossip_brings_nobody_back(forgotten_at in 1_usize..10, replayed in prop::collection::vec(0_usize..10, 0..20)) {
        let mut owner = one(0, CryptoMode::Modelled);
        let keys = owner.keys.clone();
        let told: Vec<News> = (0..12).map(|_| {
            let (known, member) = owner.state.member(&keys.id()).unwrap();
            let (incarnation, heartbeat, entries) = (known.incarnation, Some(member.heartbeat), member.entries.to_vec());
            owner.state.beat(&keys);
            News { owner: keys.id(), incarnation, heartbeat, after: 0, entries }
        }).collect();
        let mut other = one(1, CryptoMode::Modelled);
        take(&mut other, &vec![told[forgotten_at].clone()]).unwrap();
        let known = other.state.remove(&keys.id()).unwrap();
        other.state.bury(keys.id(), known.incarnation, known.heartbeat, Instant::ZERO);
        for index in replayed {
            let changes = take(&mut other, &vec![told[index.min(forgotten_at)].clone()]).unwrap();
            prop_assert!(changes.is_empty() && other.state.member(&keys.id()).is_none());
        }
        prop_assert_eq!(take(&mut other, &vec![told[11].clone()]).unwrap().len(), 1, "a newer heartbeat does");
    }
}

fn quick() -> MembershipConfig {
    MembershipConfig { grace_period: 10 * SECOND, ..MembershipConfig::default() }
}

#[test]
fn views_are_whole_after_a_partition_and_a_restart_without_memory() {
    let mut bed = Testbed::new(20, 0.05, MembershipConfig::default(), DetectionConfig::default());
    bed.link_sparsely();
    bed.start_all();
    bed.run(30 * SECOND);
    assert!((0..20).all(|node| bed.membership(node).len() == 19 && bed.alive(node) == 19));

    let left: BTreeSet<_> = (0..10).map(|node| bed.id(node)).collect();
    bed.cut(|a, b| left.contains(&a) != left.contains(&b));
    bed.run(40 * SECOND);
    assert!((0..20).all(|node| bed.membership(node).len() == 19), "suspected members are kept");
    assert!(bed.alive(3) < 19 && bed.alive(15) < 19);
    bed.start(15, false);
    bed.link(9, 10);
    bed.link(19, 0);
    bed.run(5 * SECOND);
    let alive: Vec<usize> = (0..20).map(|node| bed.alive(node)).collect();
    assert_eq!(alive, [19; 20]);
}

#[test]
fn the_dead_are_forgotten_and_stay_so() {
    let mut bed = Testbed::new(12, 0.0, quick(), DetectionConfig::default());
    bed.link_sparsely();
    bed.start_all();
    bed.run(30 * SECOND);
    let dead = bed.id(5);
    bed.set_state(5, NodeState::Down);
    bed.cut(|a, b| a == dead || b == dead);
    bed.run(60 * SECOND);
    assert!((0..12).filter(|node| *node != 5).all(|node| !bed.membership(node).contains(&dead)));
    let forgotten = bed.log().forgotten.iter().filter(|(.., member)| *member == dead).count();
    assert_eq!(forgotten, 11, "once each");
    let rejoined = bed.log().joined.iter().filter(|(at, _, member)| *member == dead && *at > Instant::ZERO + 30 * SECOND).count();
    assert_eq!(rejoined, 0);
}
