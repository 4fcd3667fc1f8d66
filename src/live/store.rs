//! What of a node outlives the process.

use bevy_ecs::prelude::*;

/// Whether what a node says and hears is kept.
#[derive(Resource, Clone, Debug, Default)]
pub struct Keeping {
    /// Why it is lost when the node ends, if it is.
    pub unsaved: Option<String>,
}
