//! What the tests on etcd lean on: members that are killed, stopped, cut off and led on.

mod common;

use common::etcd::{Etcd, Options, Relay, wait_for};

fn put(etcd: &Etcd, key: &str, value: &str) {
    assert_eq!(etcd.etcdctl(&["put", key, value]), "OK\n");
}

fn get(etcd: &Etcd, key: &str) -> String {
    etcd.etcdctl(&["get", "--print-value-only", key]).trim_end().to_owned()
}

#[test]
fn a_member_killed_or_stopped_is_done_without_and_comes_back() {
    let mut etcd = Etcd::three();
    put(&etcd, "a", "1");
    let led = etcd.leader();
    etcd.kill(led);
    let others: Vec<usize> = (0..3).filter(|member| *member != led).collect();
    let next = etcd.leader_of(&others);
    put(&etcd, "a", "2");
    etcd.start(led);
    etcd.wait_healthy();
    assert_eq!(get(&etcd, "a"), "2");
    etcd.pause(next);
    let others: Vec<usize> = (0..3).filter(|member| *member != next).collect();
    assert_ne!(etcd.leader_of(&others), next);
    etcd.resume(next);
    etcd.wait_healthy();
}

#[test]
fn a_member_that_is_cut_off_has_no_leader_until_it_is_healed() {
    let etcd = Etcd::three();
    for member in [etcd.leader(), (etcd.leader() + 1) % 3] {
        etcd.isolate(member);
        etcd.wait_unhealthy(member);
        let others: Vec<usize> = (0..3).filter(|other| *other != member).collect();
        etcd.leader_of(&others);
        etcd.heal();
        etcd.wait_healthy();
        put(&etcd, "a", "1");
    }
}

#[test]
fn clients_show_certificates_and_passwords() {
    let user = Some(("alice".to_owned(), "alice's own".to_owned()));
    let options = Options { tls: true, client_certificates: true, user, ..Options::default() };
    let etcd = Etcd::with(options);
    put(&etcd, "a", "1");
    assert_eq!(get(&etcd, "a"), "1");
    let endpoint = format!("https://{}", etcd.address(0));
    let certificates = etcd.certificates();
    let as_somebody = |ca: &std::path::Path, user: &str| {
        let mut command = std::process::Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &endpoint, "--user", user, "--cacert"]).arg(ca);
        command.arg("--cert").arg(&certificates.client).arg("--key").arg(&certificates.client_key);
        command.args(["get", "a"]).output().unwrap().status.success()
    };
    assert!(as_somebody(&certificates.ca, "alice:alice's own"));
    assert!(!as_somebody(&certificates.ca, "alice:wrong"));
    assert!(!as_somebody(&certificates.other_ca, "alice:alice's own"));
}

#[test]
fn a_compaction_forgets_old_revisions() {
    let etcd = Etcd::one();
    put(&etcd, "a", "1");
    put(&etcd, "a", "2");
    let revision = etcd.compact();
    let old = etcd.etcdctl_command(&["get", "a", &format!("--rev={}", revision - 1)]).output().unwrap();
    assert!(String::from_utf8_lossy(&old.stderr).contains("compacted"), "{old:?}");
    assert!(etcd.metric(0, "etcd_mvcc_db_total_size_in_bytes") > 0.0);
}

#[test]
fn a_wire_hangs_is_cut_and_opened() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay::to(listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
            });
        }
    });
    let connect = || std::net::TcpStream::connect(relay.address()).unwrap();
    let echo = |stream: &mut std::net::TcpStream| {
        let mut byte = [0];
        stream.write_all(b"x").and_then(|()| stream.read_exact(&mut byte))
    };
    let mut stream = connect();
    echo(&mut stream).unwrap();
    relay.hang(common::etcd::Wire::All);
    stream.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
    assert!(echo(&mut stream).is_err());
    relay.open();
    stream.set_read_timeout(None).unwrap();
    echo(&mut stream).unwrap();
    relay.cut();
    wait_for("the end of the connection", || echo(&mut stream).is_err().then_some(()));
    assert!(echo(&mut connect()).is_err());
    relay.open();
    echo(&mut connect()).unwrap();
}
