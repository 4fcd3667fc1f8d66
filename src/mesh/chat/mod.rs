//! Chat: what people say, kept in logs and encrypted for those who may read it.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

/// Configuration.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatConfig {}

/// Adds it.
#[derive(Clone, Debug, Default)]
pub struct ChatPlugin(pub ChatConfig);

impl Plugin for ChatPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.0.clone());
    }
}
