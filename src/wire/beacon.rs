//! The hello that a node says on its local segment, outside of any session.

use serde::{Deserialize, Serialize};

use super::{Address, NodeId};

/// "I am here." It is not authenticated: it only says where a dial might be worth while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Which network: a hash of its name, so that others on the segment are left alone.
    pub network: [u8; 8],
    /// Who says so.
    pub id: NodeId,
    /// Where it accepts sessions.
    pub address: Address,
}
