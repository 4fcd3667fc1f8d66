//! Messages to one member, over several hops.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingConfig {}

/// Adds it.
#[derive(Clone, Debug, Default)]
pub struct RoutingPlugin(pub RoutingConfig);

impl Plugin for RoutingPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone());
    }
}
