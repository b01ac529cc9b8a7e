//! The gate that every call into a store of this process passes.
//!
//! Owns: who is inside a store, and who holds the stores still (a fork, or a change of a memory map). Called by
//! every store of this crate. While the gate is closed no thread is inside, so no lock that is only taken inside
//! is held and no transaction is open.
//!
//! Rules that keep it free of deadlocks: a thread that is inside never waits for one that is outside, and a
//! thread that is inside may enter again even while the gate is being closed. Nothing here is a lock of a kind
//! that has state shared between unrelated locks, so a forked child can go on using it.
//!
//! Entering writes only to a counter of the thread's own shard; threads on different shards do not slow each
//! other.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Threads are spread over so many shards.
pub(crate) const SHARDS: usize = 64;

/// One cache line (and its neighbour, which the hardware fetches along) of its own.
#[repr(align(128))]
struct Alone<T>(T);

/// How many threads are inside, by shard.
static INSIDE: [Alone<AtomicUsize>; SHARDS] = [const { Alone(AtomicUsize::new(0)) }; SHARDS];
/// The token of the thread that closed the gate; 0 if it is open.
static CLOSER: Alone<AtomicUsize> = Alone(AtomicUsize::new(0));
/// How often the closer closed it; only the closer touches it.
static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
/// Grows with each fork, in the child.
static GENERATION: Alone<AtomicU64> = Alone(AtomicU64::new(1));
static NEXT_SHARD: Alone<AtomicUsize> = Alone(AtomicUsize::new(0));

/// What a thread knows of itself.
struct Local {
    /// Passes that this thread holds.
    depth: Cell<usize>,
    /// Reads among them.
    reads: Cell<usize>,
    /// Index of its shard plus one; 0 until it first enters.
    shard: Cell<usize>,
}

thread_local! {
    static LOCAL: Local = const { Local { depth: Cell::new(0), reads: Cell::new(0), shard: Cell::new(0) } };
}

/// Being inside, until dropped.
pub(crate) struct Pass {
    read: bool,
    /// Passes are counted by thread.
    _stays_in_its_thread: PhantomData<*const ()>,
}

/// Enters; waits while another thread holds the gate closed.
pub(crate) fn enter() -> Pass {
    enter_as(false)
}

/// Enters for a read, so that `inside_read` can tell.
pub(crate) fn enter_read() -> Pass {
    enter_as(true)
}

/// A thread's being in a read without being inside, until dropped.
#[cfg(feature = "etcd")]
pub(crate) struct ReadMark(PhantomData<*const ()>);

/// For a store whose reads may wait for a network, and whose state no forked child touches: a fork need not wait
/// for them. `inside_read` tells of them, too.
#[cfg(feature = "etcd")]
pub(crate) fn mark_read() -> ReadMark {
    LOCAL.with(|local| local.reads.set(local.reads.get() + 1));
    ReadMark(PhantomData)
}

#[cfg(feature = "etcd")]
impl Drop for ReadMark {
    fn drop(&mut self) {
        LOCAL.with(|local| local.reads.set(local.reads.get() - 1));
    }
}

/// Whether this thread is inside a read of any store.
pub(crate) fn inside_read() -> bool {
    LOCAL.with(|local| local.reads.get() > 0)
}

/// Whether this thread is inside any store.
pub(crate) fn inside() -> bool {
    LOCAL.with(|local| local.depth.get() > 0)
}

/// The shard of a thread that is inside, below `SHARDS`.
pub(crate) fn shard(_inside: &Pass) -> usize {
    LOCAL.with(Local::shard_index)
}

/// Tells apart what a process made itself from what it has from its parent.
pub(crate) fn generation() -> u64 {
    GENERATION.0.load(Ordering::Relaxed)
}

/// Closes the gate and waits until every other thread is out. The same thread may close it again; `reopen` must
/// follow as often. A thread that is inside must not call this unless it forks: two of them would wait for each
/// other.
pub(crate) fn close() {
    let me = token();
    if CLOSER.0.load(Ordering::SeqCst) == me {
        CLOSINGS.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let mut patience = Patience::default();
    while CLOSER.0.compare_exchange(0, me, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        patience.wait();
    }
    CLOSINGS.store(1, Ordering::Relaxed);
    let own = usize::from(inside());
    let mut patience = Patience::default();
    while INSIDE.iter().map(|shard| shard.0.load(Ordering::SeqCst)).sum::<usize>() > own {
        patience.wait();
    }
}

/// Takes one `close` back; does nothing in a thread that did not close the gate.
pub(crate) fn reopen() {
    if CLOSER.0.load(Ordering::SeqCst) != token() {
        return;
    }
    if CLOSINGS.fetch_sub(1, Ordering::Relaxed) == 1 {
        CLOSER.0.store(0, Ordering::SeqCst);
    }
}

/// The first thing in a forked child: what the parent made is now foreign, and of all threads only this one is
/// left. Writes to memory and nothing else, so it is async-signal-safe.
pub(crate) fn forked() {
    GENERATION.0.fetch_add(1, Ordering::SeqCst);
    for shard in &INSIDE {
        shard.0.store(0, Ordering::Relaxed);
    }
    LOCAL.with(|local| {
        if local.depth.get() > 0 {
            INSIDE[local.shard_index()].0.store(1, Ordering::Relaxed);
        }
    });
}

/// Holds the gate closed until dropped.
pub(crate) struct Closed(PhantomData<*const ()>);

impl Closed {
    pub(crate) fn wait() -> Self {
        close();
        Self(PhantomData)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        reopen();
    }
}

fn enter_as(read: bool) -> Pass {
    LOCAL.with(|local| {
        if local.depth.get() == 0 {
            step_in(&INSIDE[local.shard_index()].0);
        }
        local.depth.set(local.depth.get() + 1);
        local.reads.set(local.reads.get() + usize::from(read));
    });
    Pass { read, _stays_in_its_thread: PhantomData }
}

/// Counts this thread first and looks at the gate then; the closer does it the other way round. So one of the
/// two sees the other.
fn step_in(shard: &AtomicUsize) {
    shard.fetch_add(1, Ordering::SeqCst);
    let mut patience = Patience::default();
    loop {
        let closer = CLOSER.0.load(Ordering::SeqCst);
        if closer == 0 || closer == token() {
            return;
        }
        shard.fetch_sub(1, Ordering::SeqCst);
        patience.wait();
        shard.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        LOCAL.with(|local| {
            local.reads.set(local.reads.get() - usize::from(self.read));
            local.depth.set(local.depth.get() - 1);
            if local.depth.get() == 0 {
                INSIDE[local.shard_index()].0.fetch_sub(1, Ordering::Release);
            }
        });
    }
}

impl Local {
    fn shard_index(&self) -> usize {
        if self.shard.get() == 0 {
            self.shard.set(NEXT_SHARD.0.fetch_add(1, Ordering::Relaxed) % SHARDS + 1);
        }
        self.shard.get() - 1
    }
}

/// A number no other living thread has, and the forking thread keeps in the child.
fn token() -> usize {
    LOCAL.with(|local| std::ptr::from_ref(local).addr())
}

/// Waits longer the longer it takes.
#[derive(Default)]
struct Patience {
    rounds: u32,
}

impl Patience {
    fn wait(&mut self) {
        self.rounds += 1;
        if self.rounds < 20 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn nobody_is_inside_while_closed() {
        let busy = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let _pass = enter();
                        busy.fetch_add(1, Ordering::SeqCst);
                        let _again = enter_read();
                        assert!(inside_read());
                        busy.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
            for _ in 0..200 {
                let _closed = Closed::wait();
                let _twice = Closed::wait();
                assert_eq!(busy.load(Ordering::SeqCst), 0);
                drop(enter());
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(!inside());
    }
}
