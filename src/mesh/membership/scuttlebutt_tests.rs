use proptest::prelude::*;

use super::*;
use crate::crypto::Signature;

const MODE: CryptoMode = CryptoMode::Modelled;

fn identity(seed: u8) -> Identity {
    Identity::from_seed([seed; 32], MODE)
}

struct Node {
    identity: Identity,
    state: Scuttlebutt,
}

fn node(seed: u8) -> Node {
    let identity = identity(seed);
    Node { state: Scuttlebutt::new(&identity, 1), identity }
}

/// One exchange, begun by `a`.
fn exchange(a: &mut Node, b: &mut Node, start: &NodeId, budget: usize) {
    let digest = a.state.digest(start, budget, |_| true);
    let (delta, wants) = b.state.reconcile(&b.identity, &digest, budget, |_| true);
    let mut news = Vec::new();
    for update in &delta {
        a.state.apply(&a.identity, update, MODE, &mut news).unwrap();
    }
    for update in &a.state.answer(&a.identity, &wants, budget) {
        b.state.apply(&b.identity, update, MODE, &mut news).unwrap();
    }
}

type Known = (NodeId, [u64; 3], Vec<(String, Option<Vec<u8>>)>);

fn knowledge(node: &Node) -> Vec<Known> {
    let entries = |member: &Namespace| {
        let mut entries: Vec<_> = member.entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        entries.sort();
        entries
    };
    node.state.members().map(|(id, member)| (*id, [member.incarnation, member.heartbeat, member.version], entries(member))).collect()
}

/// Worked by hand after section 3.1 of the paper: p lacks three entries of r and one of q; with room for two updates of one entry
/// each, r, of whom most is missing, comes first, and of r the oldest version.
#[test]
fn the_deepest_namespace_comes_first_and_of_it_the_oldest_versions() {
    let (p, mut q, mut r) = (node(1), node(2), node(3));
    for key in ["x", "y", "z"] {
        assert!(r.state.set(&r.identity, key, Some(vec![0; 10])));
    }
    assert!(q.state.set(&q.identity, "x", Some(vec![0; 10])));
    exchange(&mut q, &mut r, &p.identity.id(), 60_000);
    let digest = p.state.digest(&p.identity.id(), 60_000, |_| true);
    let whole = q.state.reconcile(&q.identity, &digest, 60_000, |_| true).0;
    assert_eq!(
        whole.iter().map(|update| (update.owner, update.entries.len())).collect::<Vec<_>>(),
        [(r.identity.id(), 3), (q.identity.id(), 1)]
    );
    let entry = whole[0].entries[0].encoded_len();
    let room = whole[0].head_len() + 2 * entry;
    let partial = q.state.reconcile(&q.identity, &digest, room, |_| true).0;
    assert_eq!(partial.len(), 1);
    assert_eq!(partial[0].entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_digest_says_the_latest_life_heartbeat_and_version() {
    let mut a = node(1);
    assert!(a.state.set(&a.identity, "nick", Some(b"ann".to_vec())));
    a.state.beat();
    let digest = a.state.digest(&a.identity.id(), 1000, |_| true);
    assert_eq!(*digest.entries, [DigestEntry { owner: a.identity.id(), incarnation: 1, heartbeat: 2, version: 1 }]);
    assert_eq!(digest.end, None);
}

#[test]
fn nobody_writes_in_anothers_namespace() {
    let (mut a, mut b, mallory) = (node(1), node(2), node(9));
    assert!(b.state.set(&b.identity, "nick", Some(b"bob".to_vec())));
    exchange(&mut a, &mut b, &mallory.identity.id(), 60_000);
    let known = a.state.get(&b.identity.id()).unwrap().clone();
    let mine = sign_entry(&mallory.identity, 1, "nick".into(), Some(b"eve".to_vec()), 2);
    let genuine = Update {
        owner: b.identity.id(),
        incarnation: 1,
        heartbeat: known.heartbeat,
        signature: known.signature,
        entries: vec![Arc::new(mine)],
    };
    let heartbeat = Update { heartbeat: 99, entries: Vec::new(), signature: Signature([0; 64]), ..genuine.clone() };
    let life = Update { incarnation: 5, ..heartbeat.clone() };
    for forged in [genuine, heartbeat, life] {
        let mut news = Vec::new();
        assert_eq!(a.state.apply(&a.identity, &forged, MODE, &mut news), Err(Forged { owner: b.identity.id() }));
        assert_eq!(news, []);
        assert_eq!(a.state.get(&b.identity.id()).unwrap().get("nick"), Some(b"bob".as_slice()));
    }
}

#[test]
fn stale_gossip_brings_nobody_back_but_a_later_life_does() {
    let (mut a, mut b, mut c) = (node(1), node(2), node(3));
    let start = a.identity.id();
    exchange(&mut a, &mut b, &start, 60_000);
    exchange(&mut c, &mut b, &start, 60_000);
    let b_id = b.identity.id();
    // Forgotten after long silence: an old heartbeat is refused, a newer one is a sign of life.
    assert!(a.state.bury(&b_id, u64::MAX));
    exchange(&mut a, &mut c, &start, 60_000);
    assert!(a.state.get(&b_id).is_none());
    b.state.beat();
    exchange(&mut c, &mut b, &start, 60_000);
    exchange(&mut a, &mut c, &start, 60_000);
    assert!(a.state.get(&b_id).is_some());
    // Left: no heartbeat of that life counts any more.
    assert!(a.state.bury(&b_id, 1));
    b.state.beat();
    exchange(&mut c, &mut b, &start, 60_000);
    exchange(&mut a, &mut c, &start, 60_000);
    assert!(a.state.get(&b_id).is_none());
    b.state.begin_life(&b.identity, 2);
    exchange(&mut c, &mut b, &start, 60_000);
    exchange(&mut a, &mut c, &start, 60_000);
    assert_eq!(a.state.get(&b_id).map(|member| member.incarnation), Some(2));
}

#[test]
fn a_node_outbids_an_earlier_life_of_its_own() {
    let (mut a, mut b) = (node(1), node(2));
    b.state.begin_life(&b.identity, 7);
    exchange(&mut a, &mut b, &NodeId([0; 32]), 60_000);
    let mut again = node(2);
    exchange(&mut again, &mut a, &NodeId([0; 32]), 60_000);
    exchange(&mut again, &mut a, &NodeId([0; 32]), 60_000);
    assert_eq!(a.state.get(&b.identity.id()).map(|member| member.incarnation), Some(8));
}

proptest! {
    #[test]
    fn any_nodes_become_equal_by_exchanges_under_any_budget(
        writes in prop::collection::vec((0_usize..6, 0_u8..5, prop::option::of(prop::collection::vec(any::<u8>(), 0..40))), 0..40),
        budget in 400_usize..3000,
        start: [u8; 32],
    ) {
        let mut nodes: Vec<Node> = (1..=6).map(node).collect();
        for (index, key, value) in writes {
            let node = &mut nodes[index];
            let key = format!("key {key}");
            prop_assert!(node.state.set(&node.identity, &key, value));
            node.state.beat();
        }
        for round in 0..60 {
            for index in 0..nodes.len() {
                let [a, b] = nodes.get_disjoint_mut([index, (index + 1 + round % 5) % 6]).unwrap();
                let mut start = start;
                start[0] = start[0].wrapping_add((round * 37 + index * 11) as u8);
                exchange(a, b, &NodeId(start), budget);
            }
        }
        for other in &nodes[1..] {
            prop_assert_eq!(knowledge(&nodes[0]), knowledge(other));
        }
    }
}
