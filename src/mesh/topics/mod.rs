//! Topics: a tree for each, among those who subscribe and those who relay.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicsConfig {}

/// Adds it.
#[derive(Clone, Debug, Default)]
pub struct TopicsPlugin(pub TopicsConfig);

impl Plugin for TopicsPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone());
    }
}
