//! Read transactions, which are used again and again.
//!
//! A new one takes a slot in the table of readers, under a lock that all processes share. An ended one keeps its slot
//! (without holding any page) and waits for the next read, of whichever thread: so a read takes no lock, and threads
//! leave nothing behind. Each shard of the gate has room for one that waits; threads on different shards do not slow
//! each other.
#![allow(unsafe_code)]

use super::library::{Env, Error, Refusal, outcome};
use super::txn::Txn;
use crate::gate::{self, Pass};
use lmdb_master_sys as ffi;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

/// One cache line (and its neighbour, which the hardware fetches along) of its own.
#[repr(align(128))]
#[derive(Default)]
struct Alone(AtomicPtr<ffi::MDB_txn>);

/// The ended transactions of one environment. They must be discarded before the environment closes; in a forked child
/// they must not, for their slots are the parent's.
pub(super) struct Readers {
    idle: Box<[Alone]>,
}

impl Default for Readers {
    fn default() -> Self {
        Self { idle: std::iter::repeat_with(Alone::default).take(gate::SHARDS).collect() }
    }
}

impl Readers {
    /// Begins to read `env`, whose readers these are.
    ///
    /// # Safety
    ///
    /// All calls on this value are with the same environment.
    pub(super) unsafe fn begin<'e>(&'e self, env: &'e Env, pass: &Pass) -> Result<ReadTxn<'e>, Error> {
        let place = &self.idle[gate::shard(pass)].0;
        // SAFETY: the environment is the one it was begun in, and it is ended and out of its place.
        let renewed = self.take(place).map(|raw| unsafe { renew(raw) });
        let txn = match renewed.transpose()?.flatten() {
            // SAFETY: active, and nobody else has it.
            Some(raw) => unsafe { Txn::from_raw(raw) },
            None => Txn::begin_read(env)?,
        };
        Ok(ReadTxn { txn, place })
    }

    fn take(&self, place: &AtomicPtr<ffi::MDB_txn>) -> Option<NonNull<ffi::MDB_txn>> {
        NonNull::new(place.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Discards those that wait, and frees their slots; their number.
    ///
    /// # Safety
    ///
    /// The environment is open, and this process has not inherited it.
    pub(super) unsafe fn discard(&self) -> usize {
        let taken = self.idle.iter().filter_map(|place| self.take(&place.0));
        // SAFETY: ended, out of their places, and of an environment that is open.
        taken.map(|raw| unsafe { ffi::mdb_txn_abort(raw.as_ptr()) }).count()
    }
}

/// Lets an ended transaction read what is newest now. `None`: it has lost its slot, and must be left alone.
///
/// # Safety
///
/// It has ended by a reset, nobody else has it, and its environment is open.
unsafe fn renew(raw: NonNull<ffi::MDB_txn>) -> Result<Option<NonNull<ffi::MDB_txn>>, Error> {
    // SAFETY: says the caller.
    match outcome(unsafe { ffi::mdb_txn_renew(raw.as_ptr()) }) {
        Ok(()) => Ok(Some(raw)),
        // Discarding it would free a slot that may be another's by now.
        Err(Error::Lmdb(Refusal::BadSlot)) => Ok(None),
        Err(error) => {
            // SAFETY: it has ended again, and is used no more.
            unsafe { ffi::mdb_txn_abort(raw.as_ptr()) };
            Err(error)
        }
    }
}

/// A read under way. Dropping it ends it; in a forked child that has inherited it, it must not be dropped.
pub(super) struct ReadTxn<'e> {
    txn: Txn<'e>,
    place: &'e AtomicPtr<ffi::MDB_txn>,
}

impl<'e> Deref for ReadTxn<'e> {
    type Target = Txn<'e>;

    fn deref(&self) -> &Txn<'e> {
        &self.txn
    }
}

impl Drop for ReadTxn<'_> {
    fn drop(&mut self) {
        let raw = self.txn.as_ptr();
        // SAFETY: an active read transaction, of which this value is the only owner.
        unsafe { ffi::mdb_txn_reset(raw) };
        let kept =
            self.place.compare_exchange(ptr::null_mut(), raw, Ordering::Release, Ordering::Relaxed).is_ok();
        if !kept {
            // SAFETY: it has ended, and was not given away.
            unsafe { ffi::mdb_txn_abort(raw) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::sync::{Barrier, Mutex};

    fn open(folder: &Path) -> (Env, Readers) {
        // SAFETY: a new folder.
        let env = unsafe { Env::open(folder, 1 << 20, 126) };
        (env.unwrap(), Readers::default())
    }

    fn begin<'e>((env, readers): &'e (Env, Readers)) -> ReadTxn<'e> {
        // SAFETY: these belong together.
        unsafe { readers.begin(env, &gate::enter_read()) }.unwrap()
    }

    #[test]
    fn threads_that_have_read_keep_no_slots() {
        const THREADS: usize = 3 * gate::SHARDS;
        let folder = tempfile::tempdir().unwrap();
        let place = open(folder.path());
        let (turn, all) = (Mutex::new(()), Barrier::new(THREADS));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let turn = turn.lock().unwrap();
                    assert_eq!(begin(&place).id(), 0);
                    drop(turn);
                    all.wait();
                });
            }
        });
        assert_eq!(place.0.used_slots(), gate::SHARDS);
        // SAFETY: open, and of this process.
        assert_eq!(unsafe { place.1.discard() }, gate::SHARDS);
    }

    #[test]
    fn of_reads_at_the_same_time_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = open(folder.path());
        for _ in 0..3 {
            let (first, second) = (begin(&place), begin(&place));
            assert_ne!(first.as_ptr(), second.as_ptr());
            drop((first, second));
            assert_eq!(place.0.used_slots(), 2);
        }
        // SAFETY: open, and of this process.
        let discard = || unsafe { place.1.discard() };
        assert_eq!((discard(), discard()), (1, 0));
        drop(begin(&place));
        assert_eq!(discard(), 1);
    }

    #[test]
    fn a_reader_that_lost_its_slot_takes_another() {
        let folder = tempfile::tempdir().unwrap();
        let place = open(folder.path());
        drop(begin(&place));
        take_slot_away(&folder.path().join("lock.mdb"));
        let other = begin(&place);
        assert_eq!(other.id(), 0);
        drop(other);
        // SAFETY: open, and of this process.
        assert_eq!(unsafe { place.1.discard() }, 1);
    }

    /// As another process does that takes this one for vanished. A slot that waits has no commit (all bits are set),
    /// then the process's id.
    fn take_slot_away(lock: &Path) {
        let file = File::options().read(true).write(true).open(lock).unwrap();
        let slot = [&[0xff; 8][..], &std::process::id().to_ne_bytes()].concat();
        let bytes = std::fs::read(lock).unwrap();
        let at = bytes.windows(slot.len()).position(|window| window == slot).unwrap();
        file.write_all_at(&[0; 4], (at + 8) as u64).unwrap();
    }
}
