//! The kinds of events.

/// What happened at a node. The numbers are part of the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It started, for the first time or with nothing.
    Started = 1,
    /// It started with what it knew.
    Resumed = 2,
    /// It ended its goodbyes.
    Stopped = 3,
    /// It knows a member.
    MemberJoined = 4,
    /// It has forgotten a member.
    MemberForgotten = 5,
    /// It heard a member's goodbye.
    MemberLeft = 6,
    /// It suspects a member.
    Suspected = 7,
    /// It trusts a member again.
    Trusted = 8,
    /// It has a new link of the mesh.
    LinkUp = 9,
    /// It has lost a link of the mesh.
    LinkDown = 10,
    /// A session was opened.
    SessionOpened = 11,
    /// A session, open or not, was closed.
    SessionClosed = 12,
    /// It has failed to reach anybody too often.
    WentOffline = 13,
    /// It reaches somebody again.
    WentOnline = 14,
    /// It said something to all.
    Published = 15,
    /// It was given a broadcast; in the digest only.
    Delivered = 16,
    /// It was given a broadcast a second time.
    DuplicateDelivery = 17,
    /// It said a text.
    TextSaid = 18,
    /// It can read a text of another; in the digest only.
    TextRead = 19,
    /// It could not say a text.
    NotSaid = 20,
    /// It knows that somebody is admitted.
    Admitted = 21,
    /// It knows that somebody is revoked.
    Revoked = 22,
    /// What it asked for was not done.
    Refused = 23,
}

impl Kind {
    /// Its name in the events file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Resumed => "resumed",
            Self::Stopped => "stopped",
            Self::MemberJoined => "member_joined",
            Self::MemberForgotten => "member_forgotten",
            Self::MemberLeft => "member_left",
            Self::Suspected => "suspected",
            Self::Trusted => "trusted",
            Self::LinkUp => "link_up",
            Self::LinkDown => "link_down",
            Self::SessionOpened => "session_opened",
            Self::SessionClosed => "session_closed",
            Self::WentOffline => "went_offline",
            Self::WentOnline => "went_online",
            Self::Published => "published",
            Self::Delivered => "delivered",
            Self::DuplicateDelivery => "duplicate_delivery",
            Self::TextSaid => "text_said",
            Self::TextRead => "text_read",
            Self::NotSaid => "not_said",
            Self::Admitted => "admitted",
            Self::Revoked => "revoked",
            Self::Refused => "refused",
        }
    }
}
