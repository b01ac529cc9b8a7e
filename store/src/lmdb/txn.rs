//! LMDB's transactions, on its one unnamed database.
//!
//! Keys and values that a transaction gives lie in the map, and are borrowed from the transaction: in a write
//! transaction until the next change.
#![allow(unsafe_code)]

use super::library::{Env, Error, found, outcome};
use lmdb_master_sys as ffi;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// The handle of the unnamed database, the same in every environment (MAIN_DBI).
const RECORDS: ffi::MDB_dbi = 1;

/// An active transaction, for reading. Whoever made it ends it.
pub(super) struct Txn<'e> {
    raw: NonNull<ffi::MDB_txn>,
    env: PhantomData<&'e Env>,
}

pub(super) type Entry<'t> = (&'t [u8], &'t [u8]);

impl<'e> Txn<'e> {
    /// Begins a transaction.
    fn begin(env: &'e Env, flags: libc::c_uint) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: an open environment, no parent, and room for the handle.
        outcome(unsafe { ffi::mdb_txn_begin(env.as_ptr(), ptr::null_mut(), flags, &raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::from(std::io::Error::other("no transaction")))?;
        Ok(Self { raw, env: PhantomData })
    }

    pub(super) fn begin_read(env: &'e Env) -> Result<Self, Error> {
        Self::begin(env, ffi::MDB_RDONLY)
    }

    /// Takes over a transaction.
    ///
    /// # Safety
    ///
    /// It is active, of an environment that is open for `'e`, and nobody else uses it.
    pub(super) unsafe fn from_raw(raw: NonNull<ffi::MDB_txn>) -> Self {
        Self { raw, env: PhantomData }
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::MDB_txn {
        self.raw.as_ptr()
    }

    /// The number of the commit that it shows, or is to become.
    pub(super) fn id(&self) -> u64 {
        // SAFETY: an active transaction.
        unsafe { ffi::mdb_txn_id(self.as_ptr()) as u64 }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        let mut value = val(&[]);
        // SAFETY: an active transaction; LMDB only reads the key.
        let there = found(unsafe { ffi::mdb_get(self.as_ptr(), RECORDS, &mut val(key), &raw mut value) })?;
        // SAFETY: LMDB has found it, and it stays until the transaction ends or changes something.
        Ok(there.then(|| unsafe { bytes(value) }))
    }

    pub(super) fn is_empty(&self) -> Result<bool, Error> {
        Ok(Cursor::open(self)?.step(ffi::MDB_FIRST, &[])?.is_none())
    }

    /// The entries from `from` on, in order.
    pub(super) fn entries_from<'t>(&'t self, from: &'t [u8]) -> Result<Entries<'t>, Error> {
        Ok(Entries { cursor: Cursor::open(self)?, from: Some(from) })
    }
}

/// Entries in the order of their keys.
pub(super) struct Entries<'t> {
    cursor: Cursor<'t>,
    /// Where to begin; `None` after that.
    from: Option<&'t [u8]>,
}

impl<'t> Iterator for Entries<'t> {
    type Item = Result<Entry<'t>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.from.take() {
            Some(from) => self.cursor.step(ffi::MDB_SET_RANGE, from),
            None => self.cursor.step(ffi::MDB_NEXT, &[]),
        }
        .transpose()
    }
}

/// Closed before its transaction ends, which it borrows.
struct Cursor<'t> {
    raw: NonNull<ffi::MDB_cursor>,
    txn: PhantomData<&'t ()>,
}

impl<'t> Cursor<'t> {
    fn open(txn: &'t Txn) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: an active transaction and room for the handle.
        outcome(unsafe { ffi::mdb_cursor_open(txn.as_ptr(), RECORDS, &raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::from(std::io::Error::other("no cursor")))?;
        Ok(Self { raw, txn: PhantomData })
    }

    fn step(&mut self, operation: ffi::MDB_cursor_op, key: &[u8]) -> Result<Option<Entry<'t>>, Error> {
        let (mut key, mut value) = (val(key), val(&[]));
        // SAFETY: an open cursor of an active transaction; LMDB reads the key, or puts the found one in its place.
        let code = unsafe { ffi::mdb_cursor_get(self.raw.as_ptr(), &raw mut key, &raw mut value, operation) };
        // SAFETY: LMDB has found them, and they stay until the transaction ends or changes something.
        Ok(found(code)?.then(|| unsafe { (bytes(key), bytes(value)) }))
    }

    /// Deletes the entry it stands at; the next one is then a step ahead as before.
    ///
    /// # Safety
    ///
    /// Nobody has anything that this transaction gave.
    unsafe fn delete(&mut self) -> Result<(), Error> {
        // SAFETY: an open cursor of an active write transaction.
        outcome(unsafe { ffi::mdb_cursor_del(self.raw.as_ptr(), 0) })
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: open, and its transaction has not ended.
        unsafe { ffi::mdb_cursor_close(self.raw.as_ptr()) };
    }
}

/// A write transaction; without `commit` it changes nothing.
pub(super) struct WriteTxn<'e> {
    txn: Txn<'e>,
}

impl<'e> WriteTxn<'e> {
    /// Waits for the write transactions of others.
    pub(super) fn begin(env: &'e Env) -> Result<Self, Error> {
        Ok(Self { txn: Txn::begin(env, 0)? })
    }

    /// Prepares the database. What it answers is the same each time: it stays so once a transaction that did this
    /// is committed.
    pub(super) fn open_records(&mut self) -> Result<(), Error> {
        let mut handle = 0;
        // SAFETY: an active write transaction, no name, and room for the handle.
        outcome(unsafe {
            ffi::mdb_dbi_open(self.txn.as_ptr(), ptr::null(), ffi::MDB_CREATE, &raw mut handle)
        })?;
        if handle != RECORDS {
            return Err(std::io::Error::other("the unnamed database has another handle").into());
        }
        Ok(())
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.put_with(key, value, 0)
    }

    /// Puts an entry whose key is the greatest.
    pub(super) fn append(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.put_with(key, value, ffi::MDB_APPEND)
    }

    fn put_with(&mut self, key: &[u8], value: &[u8], flags: libc::c_uint) -> Result<(), Error> {
        // SAFETY: an active write transaction; LMDB only reads key and value.
        outcome(unsafe { ffi::mdb_put(self.txn.as_ptr(), RECORDS, &mut val(key), &mut val(value), flags) })
    }

    /// Deletes the entry if it is there.
    pub(super) fn delete(&mut self, key: &[u8]) -> Result<(), Error> {
        // SAFETY: an active write transaction; LMDB only reads the key.
        found(unsafe { ffi::mdb_del(self.txn.as_ptr(), RECORDS, &mut val(key), ptr::null_mut()) }).map(drop)
    }

    /// Deletes the entries from `from` up to before `to`.
    pub(super) fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::open(&self.txn)?;
        let mut at = cursor.step(ffi::MDB_SET_RANGE, from)?;
        while at.is_some_and(|(key, _)| key < to) {
            // SAFETY: the transaction is borrowed mutably, and `at` is not looked at any more.
            unsafe { cursor.delete() }?;
            at = cursor.step(ffi::MDB_NEXT, &[])?;
        }
        Ok(())
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: an active transaction, which this ends, whatever the outcome.
        outcome(unsafe { ffi::mdb_txn_commit(this.txn.as_ptr()) })
    }
}

impl<'e> Deref for WriteTxn<'e> {
    type Target = Txn<'e>;

    fn deref(&self) -> &Txn<'e> {
        &self.txn
    }
}

impl Drop for WriteTxn<'_> {
    fn drop(&mut self) {
        // SAFETY: an active transaction, which this ends.
        unsafe { ffi::mdb_txn_abort(self.txn.as_ptr()) };
    }
}

/// For LMDB to read.
fn val(bytes: &[u8]) -> ffi::MDB_val {
    ffi::MDB_val { mv_size: bytes.len(), mv_data: bytes.as_ptr().cast_mut().cast() }
}

/// # Safety
///
/// LMDB has filled it in, and what it names stays for `'a`.
unsafe fn bytes<'a>(val: ffi::MDB_val) -> &'a [u8] {
    // SAFETY: says the caller.
    unsafe { std::slice::from_raw_parts(val.mv_data.cast(), val.mv_size) }
}
