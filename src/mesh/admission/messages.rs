//! What admission is asked for, and what it tells.

use bevy_ecs::prelude::*;

use crate::crypto::NodeId;
use crate::kernel::Instant;

/// Somebody shall be a member. Answered by [`Admitted`] or [`AdmissionRefused`].
#[derive(Message, Clone, Copy, Debug)]
pub struct Invite {
    /// Who invites.
    pub node: Entity,
    /// Whom.
    pub target: NodeId,
    /// When.
    pub at: Instant,
}

/// Somebody shall be a member no more, for good; it may be somebody who never was. Answered by [`Revoked`] or [`AdmissionRefused`]; by
/// [`Accused`] if others must say so too.
#[derive(Message, Clone, Copy, Debug)]
pub struct Revoke {
    /// Who revokes.
    pub node: Entity,
    /// Whom.
    pub target: NodeId,
    /// When.
    pub at: Instant,
}

/// An [`Invite`] or a [`Revoke`] had no effect.
#[derive(Message, Clone, Copy, Debug)]
pub struct AdmissionRefused {
    /// Who had asked.
    pub node: Entity,
    /// For whom.
    pub target: NodeId,
    /// Why.
    pub reason: AdmissionError,
    /// When.
    pub at: Instant,
}

/// Why an invitation or a revocation is not made.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdmissionError {
    /// Everybody may join anyway.
    #[error("this network is open: nobody needs an invitation, and nobody can be revoked")]
    OpenNetwork,
    /// Whoever asks has not been invited itself, or was revoked.
    #[error("you are no member of this network")]
    NotAMember,
    /// It is one's own key.
    #[error("this is your own key")]
    OwnKey,
    /// It is a member already.
    #[error("this key is a member already")]
    AlreadyMember,
    /// It was revoked, which is for good.
    #[error("this key was revoked, and that is for good")]
    AlreadyRevoked,
    /// One has said so already, and waits for others to say so too.
    #[error("you have said so already: others must agree")]
    AlreadySaid,
    /// The rules of the network let only others revoke this one.
    #[error("by the rules of this network only those who invited this key, directly or through others, may revoke it")]
    NotEntitled,
    /// No more records fit: of the network, or of whoever asks.
    #[error("the network holds as many invitations and revocations as it may")]
    Full,
}

/// Somebody is known as a member.
#[derive(Message, Clone, Copy, Debug)]
pub struct Admitted {
    /// Who knows it.
    pub node: Entity,
    /// Who it is; it may be the node itself.
    pub member: NodeId,
    /// Who invited it; the founder itself.
    pub sponsor: NodeId,
    /// When it was learnt.
    pub at: Instant,
}

/// Somebody is known to be revoked.
#[derive(Message, Clone, Copy, Debug)]
pub struct Revoked {
    /// Who knows it.
    pub node: Entity,
    /// Who it is; it may be the node itself.
    pub member: NodeId,
    /// Who did it; of several the most senior.
    pub by: NodeId,
    /// When it was learnt.
    pub at: Instant,
}

/// Somebody has spoken for a revocation, and more must before it takes effect.
#[derive(Message, Clone, Copy, Debug)]
pub struct Accused {
    /// Who knows it.
    pub node: Entity,
    /// Who shall be revoked; it may be the node itself.
    pub target: NodeId,
    /// Who has spoken; it may be the node itself.
    pub by: NodeId,
    /// How many have by now.
    pub said: usize,
    /// How many it takes.
    pub needed: usize,
    /// When it was learnt.
    pub at: Instant,
}

/// Who is a member is not what it was: somebody was admitted or revoked, or has lost its membership because its invitation was void. Written
/// after each such change, once; also when a node starts.
#[derive(Message, Clone, Copy, Debug)]
pub struct AdmissionChanged {
    /// Who knows it.
    pub node: Entity,
    /// When it was learnt.
    pub at: Instant,
}
