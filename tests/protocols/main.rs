//! What each protocol promises about single nodes, seen in its ECS messages. The kernel, the wire and the transport are the real ones.

mod admission;
mod catching_up;
mod chat;
mod defaults;
mod discovery;
mod disk;
mod forged;
mod handshake;
mod harness;
mod hopeless;
mod leave;
mod liveness;
mod lying;
mod past;
mod restart;
mod routing;
mod strangers;
mod topics;
mod topology;
