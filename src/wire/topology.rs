//! Links of the mesh: asked for, granted, refused, given up.

use serde::{Deserialize, Serialize};

/// Negotiation of a link between two members that have a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TopologyMessage {}
