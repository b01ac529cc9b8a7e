//! Addresses that no other test and no outgoing connection has: loopback has sixteen million, so every process takes its
//! own, and ports below those that the system gives out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

static NEXT_PORT: AtomicU16 = AtomicU16::new(2379);

/// For each member three: for clients, peers, metrics.
pub fn places(members: usize) -> Vec<[SocketAddr; 3]> {
    (0..members).map(|_| [free(), free(), free()]).collect()
}

/// The address of this process.
pub fn own() -> IpAddr {
    let [high, middle, low] = [16, 8, 0].map(|bits| (std::process::id() >> bits) as u8);
    IpAddr::V4(Ipv4Addr::new(127, 64 + high % 128, middle, low))
}

/// Free but for processes of other process id namespaces, whose ports are seen and left alone.
pub fn free() -> SocketAddr {
    loop {
        let place = SocketAddr::new(own(), NEXT_PORT.fetch_add(1, Ordering::Relaxed));
        if TcpListener::bind(place).is_ok() {
            return place;
        }
    }
}
