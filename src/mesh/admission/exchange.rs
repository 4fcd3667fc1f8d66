//! What two who compare their records send each other.

use super::ledger::Ledger;
use crate::wire::AdmissionMessage;
use crate::wire::admission::{MAX_RECORDS, MAX_WANTED, Record, RecordId, Statement};

/// Bytes of records in one message, at most.
const BUDGET: usize = 60_000;

/// The hash of a node that has no records to share.
pub const NO_RECORDS: [u8; 16] = [0; 16];

/// A message that breaks a rule that honest members obey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation;

/// The records in as few messages as frames allow.
pub fn send<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<AdmissionMessage> {
    let mut batches: Vec<Vec<Record>> = Vec::new();
    let mut left = 0;
    for record in records {
        let size = most_bytes(record);
        if size > left {
            batches.push(Vec::new());
            left = BUDGET;
        }
        left = left.saturating_sub(size);
        if let Some(batch) = batches.last_mut() {
            batch.push(record.clone());
        }
    }
    batches.into_iter().map(AdmissionMessage::Records).collect()
}

/// What `ledger` has.
pub fn have(ledger: Option<&Ledger>) -> AdmissionMessage {
    AdmissionMessage::Have(ledger.into_iter().flat_map(Ledger::ids).collect())
}

/// Answers to what somebody else has: the records that it lacks, and requests for those that are not `known` here.
///
/// # Errors
/// If it claims to have more than anybody may.
pub fn answer_have(
    theirs: &[RecordId],
    ledger: Option<&Ledger>,
    known: impl Fn(&RecordId) -> bool,
) -> Result<Vec<AdmissionMessage>, Violation> {
    if theirs.len() > MAX_RECORDS {
        return Err(Violation);
    }
    // Somebody of another network has nothing to say here.
    if let (Some(ledger), Some(network)) = (ledger, theirs.first())
        && ledger.network() != *network
    {
        return Ok(Vec::new());
    }
    let mut sorted = theirs.to_vec();
    sorted.sort_unstable();
    let lacks = |id: &RecordId| sorted.binary_search(id).is_err();
    let lacking = ledger.into_iter().flat_map(|ledger| ledger.ids().filter(lacks).filter_map(|id| ledger.get(&id)));
    let mut answers = send(lacking);
    let wanted: Vec<RecordId> = theirs.iter().filter(|id| !known(id)).copied().collect();
    answers.extend(wanted.chunks(MAX_WANTED).map(|some| AdmissionMessage::Want(some.to_vec())));
    Ok(answers)
}

/// The records that somebody else asks for.
///
/// # Errors
/// If it asks for too many at once.
pub fn answer_want(wanted: &[RecordId], ledger: Option<&Ledger>) -> Result<Vec<AdmissionMessage>, Violation> {
    if wanted.len() > MAX_WANTED {
        return Err(Violation);
    }
    Ok(send(ledger.into_iter().flat_map(|ledger| wanted.iter().filter_map(|id| ledger.get(id)))))
}

/// The most bytes a record takes in a message.
fn most_bytes(record: &Record) -> usize {
    let statement = match &record.statement {
        Statement::Found(_) => 32,
        Statement::Invite(_) => 34,
        Statement::Revoke { standing, .. } => 40 + 16 * standing.len(),
    };
    // Network, signer, time, signature.
    16 + 32 + 9 + 64 + statement
}
