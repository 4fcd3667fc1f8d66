//! Which address a node tells others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address under which others reach a node that listens on `bound`: that one, unless it stands for all addresses of the machine. Then
/// it is the one from which the machine would speak to the first of `towards` that it has a way to, or to the local network.
pub fn reachable(bound: SocketAddr, towards: &[SocketAddr]) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let everybody = [SocketAddr::from((Ipv4Addr::new(224, 0, 0, 1), 9)), SocketAddr::from((Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), 9))];
    let usable = |ip: &IpAddr| !ip.is_unspecified() && (bound.is_ipv6() || ip.is_ipv4());
    let source = towards.iter().chain(&everybody).filter_map(|to| source_for(*to)).find(usable);
    SocketAddr::new(source.or_else(any_interface).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), bound.port())
}

/// The address from which the machine would send to `to`. Nothing is sent.
fn source_for(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn any_interface() -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.iter().find(|interface| !interface.is_loopback() && interface.ip().is_ipv4()).map(|interface| interface.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_to_one_address_is_reached_there_and_what_is_bound_to_all_where_the_way_leads() {
        let one = "127.0.0.1:7".parse().unwrap();
        assert_eq!(reachable(one, &[]), one);
        let all = reachable("0.0.0.0:7".parse().unwrap(), &["127.0.0.1:9".parse().unwrap()]);
        assert_eq!(all, one);
        assert!(!reachable("0.0.0.0:7".parse().unwrap(), &[]).ip().is_unspecified());
    }
}
