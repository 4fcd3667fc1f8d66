//! How many strangers may knock at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most handshakes of accepted links in flight.
pub const MAX_STRANGERS: usize = 256;
/// Most of these from one address. An IPv6 host has a whole /64 to come from, so that counts as one.
pub const MAX_STRANGERS_PER_ADDRESS: usize = 16;

/// Counts the accepted links whose other side has not proven who it is.
#[derive(Debug, Default)]
pub struct Admission(Mutex<BTreeMap<IpAddr, usize>>);

/// A place among the strangers, free again when dropped.
#[derive(Debug)]
pub struct Ticket {
    admission: Arc<Admission>,
    origin: IpAddr,
}

impl Admission {
    /// A place for somebody at `address`; `None` if there are too many. This machine itself is only bound by the total: the nodes of a swarm
    /// all come from there.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let origin = origin(address);
        let mut strangers = self.lock();
        let total: usize = strangers.values().sum();
        let here = strangers.get(&origin).copied().unwrap_or_default();
        if total >= MAX_STRANGERS || !origin.is_loopback() && here >= MAX_STRANGERS_PER_ADDRESS {
            return None;
        }
        *strangers.entry(origin).or_default() += 1;
        Some(Ticket { admission: self.clone(), origin })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut strangers = self.admission.lock();
        if let Some(count) = strangers.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                strangers.remove(&self.origin);
            }
        }
    }
}

fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_its_share_and_all_get_the_total() {
        let admission = Arc::new(Admission::default());
        let knock = |address: String| admission.admit(address.parse().unwrap());
        let mut inside: Vec<_> = (0..MAX_STRANGERS_PER_ADDRESS).map(|_| knock("10.0.0.1".into()).unwrap()).collect();
        assert!(knock("10.0.0.1".into()).is_none());
        inside.extend((0..MAX_STRANGERS_PER_ADDRESS).map(|host| knock(format!("2001:db8::{host:x}")).unwrap()));
        assert!(knock("2001:db8::ffff".into()).is_none(), "the same /64");
        inside.extend((2..).map_while(|host| knock(format!("10.1.{}.1", host))));
        assert_eq!(inside.len(), MAX_STRANGERS);
        assert!(knock("127.0.0.1".into()).is_none(), "the total binds everybody");
        inside.clear();
        assert!(knock("10.0.0.1".into()).is_some());
        assert!(admission.lock().is_empty());
    }
}
