//! Connections that are kept, replaced, and never left behind.

use super::support::{Ends, KEY, address, metadata, settings};
use crate::support::proxy::{Fault, Key, Proxy};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use vhsm_keystore::xks::{Client, ProxyFailure, Settings};

/// The timeout that tests wait for.
const SHORT: Duration = Duration::from_millis(150);
/// What nothing here takes.
const LONG: Duration = Duration::from_secs(20);

fn hasty(proxy: Proxy) -> Ends {
    proxy.keys().put(KEY, Key::default());
    let client = Client::new(Settings { timeout: SHORT, ..settings(&proxy) }).unwrap();
    Ends { proxy, client }
}

/// How many sockets of this process are open to the proxy's port, its own ends among them.
fn sockets(proxy: &Proxy) -> usize {
    let port = format!(":{:04X}", proxy.address().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_open = |line: &&str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        // Established, or closed by the other end alone.
        columns[2].ends_with(&port) && ["01", "08"].contains(&columns[3])
    };
    table.lines().skip(1).filter(is_open).count()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_connection_serves_one_call_after_the_other() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        (0..100).for_each(|_| drop(ends.encrypt().unwrap()));
        // On a busy machine a connection may not be ready again at once.
        assert!(ends.proxy.connections() <= 3, "{}", ends.proxy.connections());
    }
}

#[test]
fn callers_at_the_same_time_share_what_there_is() {
    let ends = Ends::new(Proxy::start_http2());
    ends.encrypt().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| drop(ends.encrypt().unwrap())));
        }
    });
    assert_eq!(ends.proxy.connections(), 1);
    let ends = Ends::new(Proxy::start());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| drop(ends.encrypt().unwrap())));
        }
    });
    assert!(ends.proxy.connections() < 40, "{}", ends.proxy.connections());
}

#[test]
fn errors_of_the_api_keep_the_connection() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        ends.proxy.set(Fault::Throttling);
        (0..10).for_each(|_| assert!(ends.encrypt().is_err()));
        assert!(ends.proxy.connections() <= 2, "{}", ends.proxy.connections());
    }
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        for round in 0..50 {
            ends.encrypt().unwrap_or_else(|failure| panic!("round {round}: {failure}"));
            ends.proxy.close_connections();
        }
    }
}

#[test]
fn a_call_that_is_cut_on_a_new_connection_is_not_repeated() {
    let ends = Ends::new(Proxy::start());
    ends.proxy.set(Fault::CloseBeforeAnswer);
    let failure = ends.encrypt().unwrap_err();
    assert!(matches!(failure, ProxyFailure::Unreachable(_)), "{failure}");
    assert_eq!(ends.proxy.calls().len(), 1);
}

#[test]
fn a_call_that_is_cut_on_a_kept_connection_is_repeated_once() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        ends.encrypt().unwrap();
        ends.proxy.forget_calls();
        ends.proxy.set(Fault::CloseBeforeAnswer);
        assert!(ends.encrypt().is_err());
        assert_eq!(ends.proxy.calls().len(), 2);
    }
}

#[test]
fn nothing_stays_open_after_a_proxy_that_hangs() {
    for fault in [Fault::HangAfterAccept, Fault::HangInTls, Fault::Slow(60_000), Fault::SlowBody] {
        let ends = hasty(Proxy::start());
        ends.proxy.set(fault.clone());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..3).for_each(|_| drop(ends.encrypt().unwrap_err())));
            }
        });
        until(&format!("no socket is open after {fault:?}"), || sockets(&ends.proxy) == 0);
    }
}

#[test]
fn a_proxy_that_hangs_costs_the_timeout_and_no_more() {
    for fault in [
        Fault::HangAfterAccept,
        Fault::HangInTls,
        Fault::Slow(60_000),
        Fault::SlowBody,
        Fault::SlowHead,
        Fault::HugeBody,
    ] {
        let ends = hasty(Proxy::start());
        ends.proxy.set(fault.clone());
        let began = Instant::now();
        let failure = ends.encrypt().unwrap_err();
        let is_late = began.elapsed() >= SHORT + Duration::from_secs(10);
        assert!(!is_late, "{fault:?} took {:?}", began.elapsed());
        if fault != Fault::HugeBody {
            assert_eq!(failure, ProxyFailure::TimedOut, "{fault:?}");
            assert!(began.elapsed() >= SHORT, "{fault:?} took {:?}", began.elapsed());
        }
    }
}

#[test]
fn a_slow_answer_on_a_shared_connection_ends_nothing_but_its_call() {
    let proxy = Proxy::start_http2();
    proxy.keys().put(KEY, Key::default());
    let client = Client::new(Settings { timeout: Duration::from_secs(2), ..settings(&proxy) }).unwrap();
    let ends = Ends { proxy, client };
    ends.encrypt().unwrap();
    ends.proxy.only(crate::support::proxy::Api::GetHealthStatus, Fault::Slow(60_000));
    let health = || ends.client.health(&ends.address(), &metadata("KmsHealthCheck"));
    std::thread::scope(|scope| {
        let slow = scope.spawn(health);
        while !slow.is_finished() {
            ends.encrypt().unwrap();
        }
        assert_eq!(slow.join().unwrap().unwrap_err(), ProxyFailure::TimedOut);
    });
    assert_eq!(ends.proxy.connections(), 1);
}

#[test]
fn a_proxy_that_is_well_again_is_called_again() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        for fault in [Fault::RefuseTcp, Fault::TlsExpired, Fault::CloseAfterAccept, Fault::MalformedJson] {
            ends.proxy.set(fault);
            assert!(ends.encrypt().is_err());
            ends.proxy.heal();
            ends.encrypt().unwrap();
        }
    }
}

#[test]
fn threads_of_another_runtime_may_call() {
    let ends = std::sync::Arc::new(Ends::new(Proxy::start()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let blocking = std::sync::Arc::clone(&ends);
    runtime.block_on(async move {
        let on_a_blocking_thread = std::sync::Arc::clone(&blocking);
        tokio::task::spawn_blocking(move || on_a_blocking_thread.encrypt().unwrap()).await.unwrap();
        tokio::spawn(async move { tokio::task::block_in_place(|| blocking.encrypt().unwrap()) })
            .await
            .unwrap();
    });
    // The client may end there too.
    runtime.block_on(async move { drop(ends) });
}

#[test]
fn who_does_not_take_the_connection_is_unreachable() {
    // Nobody accepts, and a connection fills the queue: what comes after is dropped.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let full = listener.local_addr().unwrap().as_socket().unwrap();
    let _first = TcpStream::connect(full).unwrap();
    let proxy = Proxy::start();
    let client = Client::new(Settings { timeout: SHORT, ..settings(&proxy) }).unwrap();
    for endpoint in [format!("https://{full}"), "https://no-such-host.invalid".into()] {
        let failure = client.health(&address(&endpoint), &metadata("KmsHealthCheck")).unwrap_err();
        assert!(matches!(failure, ProxyFailure::Unreachable(_)), "{failure}");
    }
}
