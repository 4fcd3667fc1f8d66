//! How much is kept, and of whom.

use super::super::ledger::{MAX_PENDING, MAX_PER_SIGNER, Rejection};
use super::{MODE, Net, anyone, id, person};
use crate::crypto::{Identity, NodeId};
use crate::wire::admission::{MAX_RECORDS, Record, RecordId, Statement};

#[test]
fn a_signer_has_so_many_records_and_no_more() {
    let mut net = anyone();
    let target = |number: usize| NodeId(std::array::from_fn(|index| if index < 2 { (number >> (8 * index)) as u8 } else { 1 }));
    let insert = |net: &mut Net, by: usize, statement: Statement| {
        let record = net.record(by, statement);
        net.said.push(record.clone());
        net.ledger.insert(record, MODE, &mut Vec::new())
    };
    let invited = (0..MAX_PER_SIGNER).take_while(|number| insert(&mut net, 0, Statement::Invite(target(*number))).is_ok()).count();
    let revoke = |number: usize| Statement::Revoke { target: target(number), standing: Vec::new() };
    let revoked = (0..MAX_PER_SIGNER).take_while(|number| insert(&mut net, 0, revoke(*number)).is_ok()).count();
    assert_eq!((invited, revoked), (MAX_PER_SIGNER * 7 / 8, MAX_PER_SIGNER / 8), "who has invited many can still revoke");
    for number in 0..MAX_PENDING {
        net.add(net.record(5, Statement::Invite(target(number))));
    }
    let record = net.record(6, Statement::Invite(id(1)));
    assert_eq!(net.ledger.insert(record, MODE, &mut Vec::new()), Err(Rejection::Full), "nobody has invited person 6");
}

/// Somebody whom a member has made up.
fn sybil(number: usize) -> Identity {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Identity::from_seed(seed, MODE)
}

#[test]
fn one_member_does_not_silence_the_others_however_many_names_it_invites() {
    for wide in [true, false] {
        let mut net = anyone();
        for number in 1..=3 {
            net.invite(0, number);
        }
        net.invite(1, 4);
        let network = net.ledger.network();
        let mut insert = |record: Record| net.ledger.insert(record, MODE, &mut Vec::new());
        // Person 2 invites its own making, and each of these either many more or the next one; all of them revoke whomever they can.
        let mut signers = vec![person(2)];
        let mut made = 0;
        while made < 3 * MAX_RECORDS && !signers.is_empty() {
            let signer = if wide { signers.remove(0) } else { signers.pop().expect("just looked") };
            for _ in 0..if wide { MAX_PER_SIGNER } else { 2 } {
                made += 1;
                let next = sybil(made);
                if insert(Record::sign(&signer, network, 1, Statement::Invite(next.id()))).is_ok() {
                    signers.push(next);
                }
                let revocation = Statement::Revoke { target: id(0), standing: vec![RecordId([made as u8; 16])] };
                let _ = insert(Record::sign(&signer, network, made as u64, revocation));
            }
        }
        let taken = net.ledger.records().len();
        assert!(taken <= MAX_RECORDS / 2 + 5, "{taken}");
        for (by, statement) in [
            (3, Statement::Invite(id(5))),
            (4, Statement::Invite(id(6))),
            (3, Statement::Revoke { target: id(2), standing: Vec::new() }),
            (0, Statement::Revoke { target: id(2), standing: Vec::new() }),
        ] {
            assert_eq!(net.ledger.insert(net.record(by, statement), MODE, &mut Vec::new()), Ok(()));
        }
    }
}
