//! The goodbye.

use serde::{Deserialize, Serialize};

use super::NodeId;
use crate::crypto::Signature;

/// A member leaves. Passed on over the mesh, so it is signed by who leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LeaveMessage {
    /// `member`, as it has been since `incarnation`, is gone.
    Goodbye {
        /// Who leaves.
        member: NodeId,
        /// Which of its lives ends: a later one is not affected.
        incarnation: u64,
        /// By `member` over the rest.
        signature: Signature,
    },
}
