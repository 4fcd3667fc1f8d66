//! Random networks, with forged records among the others.

use proptest::prelude::*;

use super::{MODE, Net, id};
use crate::wire::admission::{RevocationRule, Statement};

/// What is said in random networks: who, to whom, whether it revokes, which of the target's records it knows, whether it is forged.
fn sayings() -> impl Strategy<Value = Vec<(usize, usize, bool, u64, bool)>> {
    let saying = (0..8_usize, 0..8_usize, prop::bool::weighted(0.35), any::<u64>(), prop::bool::weighted(0.1));
    prop::collection::vec(saying, 1..40)
}

fn rule() -> impl Strategy<Value = RevocationRule> {
    prop_oneof![Just(RevocationRule::AnyMember), Just(RevocationRule::Sponsors), (0..4_u8).prop_map(RevocationRule::Quorum)]
}

fn random_net(rule: RevocationRule, sayings: &[(usize, usize, bool, u64, bool)]) -> Net {
    let mut net = Net::new(rule);
    say(&mut net, sayings);
    net
}

fn say(net: &mut Net, sayings: &[(usize, usize, bool, u64, bool)]) {
    for (by, target, revokes, known, forged) in sayings.iter().copied().filter(|(by, target, ..)| by != target) {
        let statement = if revokes {
            let all = net.ledger.standing(&id(by), &id(target)).into_iter().enumerate();
            Statement::Revoke {
                target: id(target),
                standing: all.filter(|(index, _)| known >> (index % 64) & 1 == 1).map(|(_, id)| id).collect(),
            }
        } else {
            Statement::Invite(id(target))
        };
        let mut record = net.record(by, statement);
        if forged {
            record.signer = id((by + 1) % 8);
        }
        // Forged ones are refused, or are malformed besides.
        let _ = net.ledger.insert(record.clone(), MODE, &mut Vec::new());
        net.said.push(record);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn who_is_a_member_depends_on_what_was_said_not_on_the_order(
        (rule, sayings, order) in (rule(), sayings()).prop_flat_map(|(rule, sayings)| {
            let order = Just((0..sayings.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(rule), Just(sayings), order)
        }),
    ) {
        let net = random_net(rule, &sayings);
        let mut other = Net::new(rule);
        for record in order.iter().filter_map(|index| net.said.get(*index)) {
            let _ = other.ledger.insert(record.clone(), MODE, &mut Vec::new());
        }
        prop_assert_eq!(net.ledger.ids().collect::<Vec<_>>(), other.ledger.ids().collect::<Vec<_>>());
        prop_assert_eq!(net.ledger.hash(), other.ledger.hash());
        prop_assert_eq!(net.roll(), other.roll());
    }

    #[test]
    fn nobody_gets_in_by_somebody_who_was_revoked(rule in rule(), sayings in sayings()) {
        let mut net = random_net(rule, &sayings);
        let before = net.roll();
        let revoked: Vec<usize> = (0..8).filter(|number| before.is_revoked(&id(*number))).collect();
        for by in revoked {
            net.invite(by, 9);
        }
        prop_assert_eq!(net.roll(), before);
    }

    #[test]
    fn whom_the_founder_revokes_stays_out_whatever_anybody_says_if_sponsors_revoke(
        earlier in sayings(), target in 1..8_usize, later in sayings(),
    ) {
        let mut net = random_net(RevocationRule::Sponsors, &earlier);
        net.revoke(0, target);
        prop_assert!(!net.roll().is_member(&id(target)));
        say(&mut net, &later);
        prop_assert!(net.roll().is_member(&id(0)), "nobody stands above the founder");
        prop_assert!(!net.roll().is_member(&id(target)));
    }

    // If any member may revoke, one may be invited later who had revoked the founder without knowing what it said.
    #[test]
    fn whom_a_member_revokes_stays_out_as_long_as_the_revoker_is_one(
        earlier in sayings(), by in 0..8_usize, target in 0..8_usize, later in sayings(),
    ) {
        prop_assume!(by != target);
        let mut net = random_net(RevocationRule::AnyMember, &earlier);
        net.revoke(by, target);
        say(&mut net, &later);
        prop_assert!(!(net.roll().is_member(&id(by)) && net.roll().is_member(&id(target))));
    }
}
