//! Which figures are compared: where each stands in a summary, what it is called, and how it is written.

use serde::Serialize;

use super::super::format::{bytes, count, decimal, millis, number, seconds};
use super::super::summary::{ProtocolTraffic, Summary};
use crate::wire::Protocol;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// A part of one.
    #[serde(rename = "share")]
    Share,
    /// Payloads.
    #[serde(rename = "payloads")]
    Payloads,
    /// Hops.
    #[serde(rename = "hops")]
    Hops,
    /// Links.
    #[serde(rename = "links")]
    Links,
    /// Broadcasts.
    #[serde(rename = "broadcasts")]
    Broadcasts,
    /// Suspicions.
    #[serde(rename = "suspicions")]
    Suspicions,
    /// Frames.
    #[serde(rename = "frames")]
    Frames,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// 1 for yes, 0 for no.
    #[serde(rename = "yes")]
    Truth,
}

impl Unit {
    /// A value, for people.
    pub(super) fn value(self, value: f64) -> String {
        match self {
            Self::Seconds => seconds(value),
            Self::Milliseconds => millis(value),
            Self::Share => share(value),
            Self::Bytes => bytes(value),
            Self::Broadcasts | Self::Suspicions | Self::Frames => count(value as u64),
            Self::Payloads | Self::Hops | Self::Links => number(value),
            Self::Truth => if value == 0.0 { "no" } else { "yes" }.to_owned(),
        }
    }

    /// The size of a difference, for people. The difference of two shares is in percentage points, that it be taken for no relative one.
    pub(super) fn size(self, difference: f64) -> String {
        let size = difference.abs();
        match self {
            Self::Share => format!("{} pp", number(size * 100.0)),
            Self::Truth => number(size),
            _ => self.value(size),
        }
    }

    /// How many of it are one second, if it is a time.
    pub(super) const fn per_second(self) -> Option<f64> {
        match self {
            Self::Seconds => Some(1.0),
            Self::Milliseconds => Some(1e3),
            _ => None,
        }
    }
}

/// A share in percent, cut, so that only a whole is called 100 %.
fn share(value: f64) -> String {
    if value >= 1.0 {
        return format!("{} %", decimal(value * 100.0, 4));
    }
    // 0.29 is a little less than 29 %, and should be called so all the same.
    let millionths = (value * 1e6 + 1e-6).floor().min(999_999.0);
    format!("{} %", decimal(millionths / 1e4, 4))
}

/// The size of a relative difference, for people: percent with one decimal, so that they stand in line; of what is many times A, how
/// many times.
pub(super) fn part(relative: f64) -> String {
    let percent = relative.abs() * 100.0;
    match percent {
        _ if percent < 0.1 => "< 0.1 %".to_owned(),
        _ if percent >= 1000.0 => format!("× {}", number(relative + 1.0)),
        _ => format!("{percent:.1} %"),
    }
}

/// What belongs together on the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Membership,
    Broadcast,
    Topology,
    Bytes,
    Frames,
}

impl Section {
    pub(super) const ALL: [Self; 5] = [Self::Membership, Self::Broadcast, Self::Topology, Self::Bytes, Self::Frames];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::Broadcast => "broadcast",
            Self::Topology => "topology",
            Self::Bytes => "bytes sent",
            Self::Frames => "frames sent",
        }
    }
}

/// A figure that is compared.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) section: Section,
    /// Its name; if it is of a protocol, with the protocol's name behind it.
    name: &'static str,
    /// What it is, for people.
    label: &'static str,
    pub(super) unit: Unit,
    source: Source,
}

/// Where a figure stands in a summary.
#[derive(Clone, Copy)]
enum Source {
    Whole(fn(&Summary) -> Option<f64>),
    Of(Protocol, fn(&ProtocolTraffic) -> u64),
}

const fn whole(section: Section, name: &'static str, label: &'static str, unit: Unit, of: fn(&Summary) -> Option<f64>) -> Known {
    Known { section, name, label, unit, source: Source::Whole(of) }
}

const MEMBERSHIP: &[Known] = &[
    whole(Section::Membership, "convergence", "every view whole at", Unit::Seconds, |s| s.membership.converged_at_seconds),
    whole(Section::Membership, "false_suspicions", "false suspicions", Unit::Suspicions, |s| int(s.membership.false_suspicions)),
    whole(Section::Membership, "detection_p50", "absence noticed, median", Unit::Seconds, |s| s.membership.detection_seconds.p50),
    whole(Section::Membership, "detection_p99", "absence noticed, 99 %", Unit::Seconds, |s| s.membership.detection_seconds.p99),
];

const BROADCAST: &[Known] = &[
    whole(Section::Broadcast, "sent", "broadcasts sent", Unit::Broadcasts, |s| int(s.broadcast.sent)),
    whole(Section::Broadcast, "reliability", "reliability", Unit::Share, |s| s.broadcast.reliability),
    whole(Section::Broadcast, "rmr", "redundancy (RMR)", Unit::Payloads, |s| s.broadcast.rmr),
    whole(Section::Broadcast, "ldh_mean", "last hop (LDH), mean", Unit::Hops, |s| s.broadcast.ldh_mean),
    whole(Section::Broadcast, "ldh_max", "last hop (LDH), most", Unit::Hops, |s| s.broadcast.ldh_max.map(f64::from)),
    whole(Section::Broadcast, "latency_p50", "latency, median", Unit::Milliseconds, |s| s.broadcast.latency_ms.p50),
    whole(Section::Broadcast, "latency_p90", "latency, 90 %", Unit::Milliseconds, |s| s.broadcast.latency_ms.p90),
    whole(Section::Broadcast, "latency_p99", "latency, 99 %", Unit::Milliseconds, |s| s.broadcast.latency_ms.p99),
    whole(Section::Broadcast, "latency_max", "latency, longest", Unit::Milliseconds, |s| s.broadcast.latency_ms.max),
];

const TOPOLOGY: &[Known] = &[
    whole(Section::Topology, "degree_min", "links a node, fewest", Unit::Links, |s| s.topology.degree_min.map(f64::from)),
    whole(Section::Topology, "degree_mean", "links a node, mean", Unit::Links, |s| s.topology.degree_mean),
    whole(Section::Topology, "degree_max", "links a node, most", Unit::Links, |s| s.topology.degree_max.map(f64::from)),
    whole(Section::Topology, "connected", "connected", Unit::Truth, |s| s.topology.connected.map(|yes| f64::from(u8::from(yes)))),
    whole(Section::Topology, "diameter", "diameter", Unit::Hops, |s| s.topology.diameter.map(f64::from)),
];

const BYTES: Known = whole(Section::Bytes, "bytes", "in all", Unit::Bytes, |s| int(s.traffic.bytes));
const FRAMES: Known = whole(Section::Frames, "frames", "in all", Unit::Frames, |s| int(s.traffic.frames));

fn int(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

/// All figures, in the order of the screen.
pub(super) fn all() -> impl Iterator<Item = Known> {
    let by_protocol = |whole: Known, of: fn(&ProtocolTraffic) -> u64| {
        let each = Protocol::ALL.iter().map(move |protocol| Known { source: Source::Of(*protocol, of), ..whole });
        std::iter::once(whole).chain(each)
    };
    let measured = [MEMBERSHIP, BROADCAST, TOPOLOGY].into_iter().flatten().copied();
    measured.chain(by_protocol(BYTES, |traffic| traffic.bytes)).chain(by_protocol(FRAMES, |traffic| traffic.frames))
}

/// The names of all figures that are compared, as a [`Tolerance`](super::Tolerance) names them.
pub fn figure_names() -> impl Iterator<Item = String> {
    all().map(|known| known.name())
}

impl Known {
    pub(super) fn name(&self) -> String {
        match self.source {
            Source::Whole(_) => self.name.to_owned(),
            Source::Of(protocol, _) => format!("{}_{}", self.name, protocol.name()),
        }
    }

    pub(super) const fn label(&self) -> &'static str {
        match self.source {
            Source::Whole(_) => self.label,
            Source::Of(protocol, _) => protocol.name(),
        }
    }

    pub(super) fn value(&self, summary: &Summary) -> Option<f64> {
        match self.source {
            Source::Whole(of) => of(summary),
            Source::Of(protocol, of) => int(summary.traffic.by_protocol.as_ref()?.get(protocol.name()).map(of)),
        }
    }

    /// Whether it is worth no line where it is 0: most scenarios leave out some protocol.
    pub(super) const fn is_of_a_protocol(&self) -> bool {
        matches!(self.source, Source::Of(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_is_called_so() {
        for (value, text) in [(1.0, "100 %"), (0.29, "29 %"), (1.0 - 1e-13, "99.9999 %"), (0.0, "0 %"), (0.999_66, "99.966 %")] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn relative_differences_stand_in_line() {
        for (relative, text) in [(-0.2, "20.0 %"), (0.034_56, "3.5 %"), (1e-9, "< 0.1 %"), (9.0, "900.0 %"), (123.456, "× 124")] {
            assert_eq!(part(relative), text);
        }
    }

    #[test]
    fn no_two_figures_share_a_name() {
        let mut names: Vec<String> = figure_names().collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.contains(&"bytes_handshake".to_owned()));
    }
}
