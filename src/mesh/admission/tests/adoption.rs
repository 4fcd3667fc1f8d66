//! With what a node begins, and which network it adopts.

use std::time::Duration;

use super::super::components::{Admission, Intake};
use super::super::ledger::Ledger;
use super::{MODE, Net, anyone, id, person};
use crate::kernel::Instant;
use crate::wire::CloseReason;
use crate::wire::admission::{Record, RecordId, Rules, Statement};

/// That which founded it first.
fn records(net: &Net) -> Vec<Record> {
    net.ledger.ids().filter_map(|id| net.ledger.get(&id).cloned()).collect()
}

fn of(number: usize) -> Admission {
    let mut admission = Admission::default();
    admission.me = Some(id(number));
    admission
}

#[test]
fn an_earlier_life_is_taken_up_from_rows_in_any_order_but_for_those_that_were_altered() {
    let mut net = anyone();
    net.invite(0, 1);
    net.invite(1, 2);
    net.revoke(0, 2);
    let mut rows = records(&net);
    rows.push(Record { signer: id(0), ..net.record(1, Statement::Invite(id(3))) });
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        let mut admission = of(1);
        admission.restore(rows.clone(), MODE);
        assert_eq!(admission.ledger().map(Ledger::evaluate), Some(net.roll()));
        assert_eq!(admission.refused().forged, 1);
    }
}

#[test]
fn a_stranger_cannot_make_it_evaluate_without_end_and_what_is_put_off_is_done() {
    let mut invited = of(1);
    // Networks that have invited it and revoked it: each record more could change that.
    let mut busy = anyone();
    busy.invite(0, 1);
    busy.revoke(0, 1);
    let mut take_in = |records: Vec<Record>, at: Instant| invited.take_in(records, MODE, at).fresh.len();
    let founded = records(&busy);
    let begin = founded.iter().position(|record| matches!(record.statement, Statement::Found(_))).expect("it was founded");
    assert_eq!(take_in(vec![founded[begin].clone()], Instant::ZERO), 0);
    assert_eq!(take_in(founded, Instant::ZERO), 0);
    for target in 2..30 {
        busy.invite(0, target);
        assert_eq!(take_in(records(&busy), Instant::ZERO), 0);
    }
    let found = Record::sign(&person(31), RecordId([0; 16]), 1, Statement::Found(Rules::default()));
    let invitation = Record::sign(&person(31), found.id(), 2, Statement::Invite(id(1)));
    assert_eq!(take_in(vec![found, invitation], Instant::ZERO), 0, "it has looked often enough in this second");
    let mut intake = Intake::default();
    invited.look(&mut intake, Instant::ZERO + Duration::from_secs(1));
    assert_eq!((intake.fresh.len(), invited.seeks()), (2, false));
}

#[test]
fn whoever_is_in_no_network_adopts_the_first_that_admits_it_and_stays_there() {
    let mut net = anyone();
    net.invite(0, 1);
    let mut other = of(2);
    let intake = other.take_in(records(&net), MODE, Instant::ZERO);
    assert!(intake.fresh.is_empty() && other.seeks(), "it was not invited");

    let mut invited = of(1);
    assert!(invited.take_in(records(&net).split_off(1), MODE, Instant::ZERO).unknown, "the record that founded it is missing");
    let intake = invited.take_in(records(&net), MODE, Instant::ZERO);
    assert_eq!((intake.fresh, intake.unknown), (net.ledger.ids().collect(), false));

    let elsewhere = Record::sign(&person(3), RecordId([0; 16]), 1, Statement::Found(Rules::default()));
    let invitation = Record::sign(&person(3), elsewhere.id(), 2, Statement::Invite(id(1)));
    let intake = invited.take_in(vec![elsewhere, invitation], MODE, Instant::ZERO);
    assert_eq!((intake.fresh.len(), intake.breach), (0, Some(CloseReason::OtherNetwork)), "there is no session between two networks");
    assert_eq!((invited.ledger().map(Ledger::network), invited.refused().foreign), (Some(net.ledger.network()), 1), "the first is enough");
}
