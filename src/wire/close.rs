//! Why sessions end, and how the other side is told.

use serde::{Deserialize, Serialize};

/// Messages of the session itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SessionMessage {
    /// The sender closes the session.
    Close(CloseReason),
}

/// Why a session was refused or closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum CloseReason {
    /// The node leaves the network.
    Leaving,
    /// Another session to the same peer is kept.
    Duplicate,
    /// The peer was reached at its own address: the node dialled itself.
    SelfDial,
    /// The overlay has no use for the link.
    Unwanted,
    /// The overlay has as many links as it may.
    Full,
    /// Nobody answered the dial, or the transport lost the link.
    Unreachable,
    /// Nobody listens there.
    ConnectionRefused,
    /// The link was reset: the other side does not know it, as after a restart.
    Reset,
    /// More waited to be sent than may wait.
    Overflow,
    /// The other side is at its limit of sessions.
    TooManySessions,
    /// The handshake took too long.
    HandshakeTimeout,
    /// Nothing was heard for too long.
    PingTimeout,
    /// The failure detector holds the peer for dead.
    PeerDead,
    /// The other side does not know the network's key.
    WrongNetworkKey,
    /// The identity that was claimed was not proven.
    ForgedIdentity,
    /// A handshake message was not what it must be.
    BadHandshake,
    /// The frame speaks another version of the protocol.
    UnknownVersion,
    /// The frame is longer than a frame may be.
    FrameTooLong,
    /// The frame was not encrypted by the other side, or altered.
    BadSeal,
    /// The frame had come before.
    Replay,
    /// The frame decrypts, but what it holds does not decode.
    Undecodable,
    /// The frame came in a phase where it has no place.
    OutOfPhase,
    /// The message decodes, but breaks a rule of its protocol.
    ProtocolViolation,
    /// The network is by invitation, and the peer has none.
    NotInvited,
    /// The peer was removed from the network for good.
    Revoked,
    /// The network of one of both is open, and that of the other by invitation.
    OtherAdmission,
    /// Both networks are by invitation, and have other founders.
    OtherNetwork,
}

impl CloseReason {
    /// All of them, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Leaving,
        Self::Duplicate,
        Self::SelfDial,
        Self::Unwanted,
        Self::Full,
        Self::Unreachable,
        Self::ConnectionRefused,
        Self::Reset,
        Self::Overflow,
        Self::TooManySessions,
        Self::HandshakeTimeout,
        Self::PingTimeout,
        Self::PeerDead,
        Self::WrongNetworkKey,
        Self::ForgedIdentity,
        Self::BadHandshake,
        Self::UnknownVersion,
        Self::FrameTooLong,
        Self::BadSeal,
        Self::Replay,
        Self::Undecodable,
        Self::OutOfPhase,
        Self::ProtocolViolation,
        Self::NotInvited,
        Self::Revoked,
        Self::OtherAdmission,
        Self::OtherNetwork,
    ];

    /// The reason of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name in results and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::Duplicate => "duplicate",
            Self::SelfDial => "self_dial",
            Self::Unwanted => "unwanted",
            Self::Full => "full",
            Self::Unreachable => "unreachable",
            Self::ConnectionRefused => "connection_refused",
            Self::Reset => "reset",
            Self::Overflow => "overflow",
            Self::TooManySessions => "too_many_sessions",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::PingTimeout => "ping_timeout",
            Self::PeerDead => "peer_dead",
            Self::WrongNetworkKey => "wrong_network_key",
            Self::ForgedIdentity => "forged_identity",
            Self::BadHandshake => "bad_handshake",
            Self::UnknownVersion => "unknown_version",
            Self::FrameTooLong => "frame_too_long",
            Self::BadSeal => "bad_seal",
            Self::Replay => "replay",
            Self::Undecodable => "undecodable",
            Self::OutOfPhase => "out_of_phase",
            Self::ProtocolViolation => "protocol_violation",
            Self::NotInvited => "not_invited",
            Self::Revoked => "revoked",
            Self::OtherAdmission => "other_admission",
            Self::OtherNetwork => "other_network",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_number_and_a_name_of_its_own() {
        let mut names: Vec<_> = CloseReason::ALL.iter().map(|reason| reason.name()).collect();
        for (number, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CloseReason::ALL.len());
    }
}
