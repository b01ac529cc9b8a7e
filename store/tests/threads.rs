//! Threads that read, and end: what they leave behind, and when.

mod common;

use common::{folder, get, open, put};
use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use vhsm_store::Revision;

thread_local! {
    /// Whether this thread is to stop where LMDB asks for the process's id.
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

/// Threads that have stopped, and whether they are to go on.
static STOPPED: AtomicU32 = AtomicU32::new(0);
static GO_ON: AtomicBool = AtomicBool::new(false);

/// What LMDB in this program calls instead of the C library's. If it has a hook on the end of a thread that has read
/// (it has without MDB_NOTLS), that asks for the process's id while it looks at the thread's slot in the table of
/// readers: there the moment can be held.
#[unsafe(no_mangle)]
extern "C" fn getpid() -> libc::pid_t {
    if STOPS.get() {
        STOPPED.fetch_add(1, Ordering::SeqCst);
        while !GO_ON.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }
    // SAFETY: asks for a number.
    unsafe { libc::syscall(libc::SYS_getpid) as libc::pid_t }
}

/// As a host may finalize while a thread of its that has read is ending, and a scope ends before its threads are gone.
#[test]
fn a_place_closes_while_its_reader_ends() {
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "1");
    std::thread::scope(|scope| {
        let (tell, hear) = mpsc::channel();
        let store = &store;
        scope.spawn(move || {
            assert_eq!(get(store, "a"), Some(b"1".to_vec()));
            // SAFETY: asks for a number.
            tell.send(unsafe { libc::gettid() }).unwrap();
            STOPS.set(true);
        });
        let task = format!("/proc/self/task/{}", hear.recv().unwrap());
        while STOPPED.load(Ordering::SeqCst) == 0 && Path::new(&task).exists() {
            std::thread::yield_now();
        }
    });
    drop(store);
    GO_ON.store(true, Ordering::SeqCst);
    let again = open(folder.path());
    assert_eq!(get(&again, "a"), Some(b"1".to_vec()));
    assert_eq!(STOPPED.load(Ordering::SeqCst), 0, "a thread's end touches the store");
}

/// As above, without holding the moment: many threads, many times.
#[test]
fn a_place_opens_and_closes_around_its_readers() {
    let folder = folder();
    put(&open(folder.path()), "a", "1");
    for round in 0..200 {
        let store = open(folder.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(get(&store, "a"), Some(b"1".to_vec()), "round {round}"));
            }
        });
    }
}

/// Old pages are used again, though there are threads that have read them.
#[test]
fn a_thread_that_has_read_holds_no_page() {
    const PAGE_BYTES: usize = 4096;
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "1");
    let (read, written) = (Barrier::new(9), Barrier::new(9));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
                read.wait();
                written.wait();
                assert_eq!(get(&store, "a"), Some(vec![7; PAGE_BYTES]));
            });
        }
        read.wait();
        let data = folder.path().join("store/data.mdb");
        (0..10).for_each(|_| assert_ne!(put(&store, "a", [7; PAGE_BYTES]), Revision(0)));
        let before = data.metadata().unwrap().len();
        (0..500).for_each(|_| assert_ne!(put(&store, "a", [7; PAGE_BYTES]), Revision(0)));
        let grown = data.metadata().unwrap().len() - before;
        written.wait();
        // The change log has an entry of some bytes each time.
        assert!(grown < 100 * PAGE_BYTES as u64, "{grown} bytes for 500 times the same");
    });
}
