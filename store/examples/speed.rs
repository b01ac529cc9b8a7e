//! How fast the embedded store is on this machine: `cargo run --release -p vhsm-store --example speed [folder]`.
//!
//! The folder should lie on the disk that stores will lie on; default: `target/speed` beside the workspace.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, Lmdb, LmdbOptions, Store};

/// How long commits are counted at a time; in turn with the disk alone, which changes all the time.
const TIME: Duration = Duration::from_millis(500);
const ROUNDS: usize = 4;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(default_folder, PathBuf::from);
    std::fs::remove_dir_all(&folder).ok();
    let store = Lmdb::open(&LmdbOptions::new(&folder)).expect("the store opens");
    for threads in [1, 2, 8] {
        for _ in 0..ROUNDS {
            disk(&folder);
            commits(&store, threads);
        }
    }
    if std::env::var_os("COMMITS_ONLY").is_some() {
        return;
    }
    fill(&store, 100_000);
    for threads in [1, 2] {
        rate("revision", threads, || {
            std::hint::black_box(store.revision());
        });
    }
    for threads in [1, 2] {
        rate("read, empty body", threads, || store.read(&mut |_| Ok(())).expect("reads"));
    }
    for threads in [1, 2] {
        rate("read, one get", threads, || {
            store
                .read(&mut |at| at.get(b"filled/00050000").map(|found| assert!(found.is_some())))
                .expect("reads");
        });
    }
    rate("read, range of 10", 1, || {
        let mut left = 10;
        let mut visit = |_: &[u8], _: &[u8]| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        store.read(&mut |at| at.range(b"filled/00050000", b"filled/1", &mut visit)).expect("reads");
    });
    let newest = store.revision();
    rate("changes_since, none", 1, || drop(store.changes_since(newest).expect("reads")));
    claims(&store);
    drop(store);
    let started = Instant::now();
    drop(Lmdb::open(&LmdbOptions::new(&folder)).expect("the store opens"));
    println!("open and close: {:?}", started.elapsed());
    std::fs::remove_dir_all(&folder).ok();
}

fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/speed")
}

/// What the disk does at this time with the least that such a commit writes: eight pages, a sync, a header that is
/// synced too. Disks of virtual machines change by the minute, so commits are to be compared with this.
fn disk(folder: &Path) {
    let path = folder.join("disk");
    let pages = File::create(&path).expect("can be made");
    pages.set_len(4 << 20).and_then(|()| pages.sync_all()).expect("syncs");
    let header = File::options().write(true).custom_flags(libc::O_DSYNC).open(&path).expect("opens");
    let started = Instant::now();
    let mut done = 0_u64;
    while started.elapsed() < TIME {
        for page in 0..8 {
            pages.write_all_at(&[done as u8; 4096], 4096 * (2 + page * 97 + done % 90)).expect("writes");
        }
        pages.sync_data().expect("syncs");
        header.write_all_at(&[done as u8; 120], 32 + (done & 1) * 4096).expect("writes");
        done += 1;
    }
    print!("the disk alone: {:.0}/s; ", done as f64 / TIME.as_secs_f64());
}

/// Durable commits of five small entries: two at random places, three in order.
fn commits(store: &Lmdb, threads: u64) {
    let (done, stop, start) = (AtomicU64::new(0), AtomicBool::new(false), Barrier::new(threads as usize));
    let before = store.stats();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (done, stop, start) = (&done, &stop, &start);
            scope.spawn(move || {
                start.wait();
                let started = Instant::now();
                for number in 0_u64.. {
                    if stop.load(Ordering::Relaxed) || started.elapsed() > TIME {
                        break;
                    }
                    store.commit(five_entries(thread, number)).expect("commits");
                    done.fetch_add(1, Ordering::Relaxed);
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
    let (done, syncs) = (done.into_inner(), store.stats().transactions - before.transactions);
    let per_second = done as f64 / TIME.as_secs_f64();
    println!("commits, {threads} threads: {per_second:.0}/s, {:.1} a sync", done as f64 / syncs as f64);
}

fn five_entries(thread: u64, number: u64) -> Batch {
    let scattered = (number + (thread << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Batch::new()
        .put(format!("object/{thread}/{number:012}"), vec![1; 300])
        .put(format!("owner/{thread}/{number:012}"), vec![2; 8])
        .put(format!("class/{thread}/{number:012}"), vec![3; 8])
        .put(format!("label/{scattered:016x}"), vec![4; 8])
        .put(format!("id/{:016x}", scattered.swap_bytes()), vec![5; 8])
}

fn fill(store: &Lmdb, records: usize) {
    let numbers: Vec<usize> = (0..records).collect();
    for chunk in numbers.chunks(100) {
        let batch = chunk
            .iter()
            .fold(Batch::new(), |batch, number| batch.put(format!("filled/{number:08}"), vec![0; 200]));
        store.commit(batch).expect("commits");
    }
}

/// Nanoseconds per call of each of some threads that all call at once.
fn rate(name: &str, threads: usize, call: impl Fn() + Sync) {
    const CALLS: u32 = 1_000_000;
    let start = Barrier::new(threads);
    let worst = std::thread::scope(|scope| {
        let run = || {
            (0..1000).for_each(|_| call());
            start.wait();
            let started = Instant::now();
            (0..CALLS).for_each(|_| call());
            started.elapsed()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|thread| thread.join().expect("it runs")).max().unwrap_or_default()
    });
    println!("{name}, {threads} threads: {:.1} ns", worst.as_nanos() as f64 / f64::from(CALLS));
}

fn claims(store: &Lmdb) {
    const CLAIMS: u32 = 20_000;
    let started = Instant::now();
    for _ in 0..CLAIMS {
        drop(store.claim(b"name", vhsm_store::ClaimKind::Exclusive).expect("claims"));
    }
    println!("claim and release: {:.2} us", started.elapsed().as_micros() as f64 / f64::from(CLAIMS));
}
