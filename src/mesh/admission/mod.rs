//! Who may be a member: invitations and revocations.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {}

/// Adds it.
#[derive(Clone, Debug, Default)]
pub struct AdmissionPlugin(pub AdmissionConfig);

impl Plugin for AdmissionPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone());
    }
}
