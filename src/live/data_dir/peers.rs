//! The peers known last time.

use std::cmp::Reverse;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::files::{FileError, replace, set_aside};
use super::{DataDir, read_or_set_aside};
use crate::crypto::NodeId;

/// Most peers that are kept: those seen last.
pub const MAX_PEERS: usize = 1_000;

/// Who was not seen for so many seconds, a month, is no longer tried.
pub const MAX_AGE: u64 = 30 * 24 * 60 * 60;

const FILE: &str = "peers.json";

/// Several times what the most peers take.
const LONGEST: u64 = 1 << 20;

/// A peer that was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownPeer {
    /// Who it is.
    #[serde(with = "hex_id")]
    pub id: NodeId,
    /// Where it accepted sessions.
    pub socket: SocketAddr,
    /// When it was seen last, in seconds since 1970.
    pub last_seen: u64,
}

#[derive(Serialize, Deserialize)]
struct PeersFile<P> {
    peers: P,
}

impl DataDir {
    /// The peers that were kept and were seen in the month before `now`, in seconds since 1970, those seen last first. They are hints: if the file is damaged it is set aside, if it cannot be read
    /// that is said, and there are none.
    pub fn known_peers(&self, now: u64) -> Vec<KnownPeer> {
        let path = self.path().join(FILE);
        let Some(text) = read_or_set_aside(&path, LONGEST) else { return Vec::new() };
        match serde_json::from_str::<PeersFile<Vec<KnownPeer>>>(&text) {
            Ok(file) => newest(file.peers.into_iter().filter(|peer| peer.last_seen.saturating_add(MAX_AGE) >= now).collect()),
            Err(error) => {
                set_aside(&path, &error);
                Vec::new()
            }
        }
    }

    /// Keeps peers instead of those kept before: the [`MAX_PEERS`] seen last, each once.
    ///
    /// # Errors
    /// They cannot be written. Those kept before are kept still.
    pub fn keep_peers(&self, peers: &[KnownPeer]) -> Result<(), FileError> {
        let rows: Vec<String> = newest(peers.to_vec()).iter().filter_map(|peer| serde_json::to_string(peer).ok()).collect();
        let text = format!("{{\"peers\": [\n{}\n]}}\n", rows.join(",\n"));
        replace(&self.path().join(FILE), text.as_bytes())
    }
}

fn newest(mut peers: Vec<KnownPeer>) -> Vec<KnownPeer> {
    peers.sort_by_key(|peer| (peer.id, Reverse(peer.last_seen)));
    peers.dedup_by_key(|peer| peer.id);
    peers.sort_by_key(|peer| (Reverse(peer.last_seen), peer.id));
    peers.truncate(MAX_PEERS);
    peers
}

/// An identity as 64 hex digits.
mod hex_id {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::crypto::NodeId;

    pub fn serialize<S: Serializer>(id: &NodeId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:?}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NodeId, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| D::Error::custom("an identity is 64 hex digits"))?;
        Ok(NodeId(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u16, last_seen: u64) -> KnownPeer {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        KnownPeer { id: NodeId(id), socket: SocketAddr::from(([10, 0, 0, 1], number)), last_seen }
    }

    #[test]
    fn peers_are_kept_newest_first_and_not_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        assert_eq!(dir.known_peers(0), []);
        let ipv6 = KnownPeer { socket: "[fe80::1%3]:9000".parse().unwrap(), ..peer(7, 5) };
        dir.keep_peers(&[peer(1, 3), peer(2, 9), ipv6, peer(1, 4)]).unwrap();
        assert_eq!(dir.known_peers(0), [peer(2, 9), ipv6, peer(1, 4)]);

        let many: Vec<KnownPeer> = (0..1_500).map(|number| peer(number, u64::from(number))).collect();
        dir.keep_peers(&many).unwrap();
        let known = dir.known_peers(0);
        assert_eq!((known.len(), known[0], known[999]), (MAX_PEERS, peer(1_499, 1_499), peer(500, 500)));
        assert!(folder.path().join(FILE).metadata().unwrap().len() < LONGEST / 2);
        dir.keep_peers(&[]).unwrap();
        assert_eq!(dir.known_peers(0), []);
    }

    #[test]
    fn who_was_not_seen_for_a_month_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let now = 2_000_000_000;
        // One was seen by a clock that was ahead.
        let [old, young, ahead] = [now - MAX_AGE - 1, now - MAX_AGE, now + 9].map(|seen| peer(seen as u16, seen));
        dir.keep_peers(&[old, young, ahead]).unwrap();
        assert_eq!(dir.known_peers(now), [ahead, young]);
    }

    #[test]
    fn damaged_peers_are_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let unknown = r#"{"peers": [{"id": "ab", "socket": "1.2.3.4:5", "last_seen": 1}]}"#;
        for damage in [&b""[..], b"{\"peers\": [", b"\xff\xfe", unknown.as_bytes(), &vec![b' '; LONGEST as usize + 1]] {
            std::fs::write(folder.path().join(FILE), damage).unwrap();
            assert_eq!(dir.known_peers(0), []);
            assert!(std::fs::read(folder.path().join("peers.json.damaged")).unwrap() == damage);
            assert!(!folder.path().join(FILE).exists());
        }
        dir.keep_peers(&[peer(1, 1)]).unwrap();
        assert_eq!(dir.known_peers(0), [peer(1, 1)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_no_peers() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        dir.keep_peers(&[peer(1, 1)]).unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("peers.json.new")).unwrap();
        let error = dir.keep_peers(&[peer(2, 2)]).unwrap_err().to_string();
        assert!(error.contains("peers.json cannot be written: the disk is full"), "{error}");
        assert_eq!(dir.known_peers(0), [peer(1, 1)]);
    }
}
