//! The link model: what the network between two nodes does to a frame. Pure, without ECS, so that any transport can carry it.
