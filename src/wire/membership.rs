//! Messages of Scuttlebutt anti-entropy (van Renesse, Dumitriu, Gough, Thomas 2008).

use serde::{Deserialize, Serialize};

/// Anti-entropy between two neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MembershipMessage {}
