//! The pool of sessions of each HSM.

use super::{connected, connections, new_key, works};
use crate::support::{Hsms, Kind, PASSWORD};
use std::sync::Arc;
use std::thread;
use vhsm_keystore::{Connections, HsmError};

const THREADS: usize = 8;
const ROUNDS: usize = 100;

on_every_module! {
    threads_share_the_sessions_that_may_be_opened,
    one_session_is_enough,
}

fn threads_share(kind: Kind, sessions_per_hsm: usize) {
    let hsms = Hsms::new(kind);
    let connections = Connections::new(Arc::clone(&hsms.module), sessions_per_hsm);
    let connection = connections.open(&hsms.slots, &hsms.pin(PASSWORD)).unwrap();
    let id = new_key(&connection);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| works(&connection, &id)));
        }
    });
    let status = connection.status();
    assert_eq!(status.iter().map(|hsm| hsm.operations).sum::<u64>(), 1 + (2 * THREADS * ROUNDS) as u64);
    for hsm in status {
        assert!(hsm.is_working && hsm.failures == 0, "{hsm:?}");
        assert!((1..=sessions_per_hsm).contains(&hsm.sessions), "{hsm:?}");
        assert_eq!(hsm.idle_sessions, hsm.sessions, "all came back");
    }
}

fn threads_share_the_sessions_that_may_be_opened(kind: Kind) {
    threads_share(kind, 4);
}

fn one_session_is_enough(kind: Kind) {
    threads_share(kind, 1);
}

#[test]
fn hsms_take_turns() {
    let hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    (0..50).for_each(|_| works(&connection, &id));
    let turns: Vec<_> = connection.status().iter().map(|hsm| hsm.operations).collect();
    assert_eq!((turns.len(), turns.iter().sum::<u64>()), (2, 101));
    assert!(turns.iter().all(|turns| (50..=51).contains(turns)), "{turns:?}");
}

const NO_MORE: &str = "[[fault]]\nfunction = \"C_OpenSession\"\nerror = \"CKR_SESSION_COUNT\"";

#[test]
fn where_the_hsms_open_no_more_sessions_those_that_are_there_are_waited_for() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    hsms.operator().plan(NO_MORE);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| works(&connection, &id)));
        }
    });
    assert!(connection.status().iter().all(|hsm| hsm.is_working && hsm.sessions == 1));
}

#[test]
fn where_no_session_is_left_that_is_told() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    hsms.operator().plan(NO_MORE);
    let opened = connections(&hsms).open(&hsms.slots, &hsms.pin(PASSWORD));
    assert_eq!(opened.err(), Some(HsmError::NoSession));
    hsms.operator().plan("");
    let connection = connected(&hsms);
    let id = new_key(&connection);
    hsms.operator().plan(&format!(
        "{NO_MORE}\n[[fault]]\nfunction = \"C_GenerateRandom\"\nerror = \"CKR_SESSION_CLOSED\"\ncount = 2"
    ));
    assert_eq!(connection.encrypt(&id, b"", b"x"), Err(HsmError::NoSession), "they closed, and none opens");
    hsms.operator().plan("");
    works(&connection, &id);
}
