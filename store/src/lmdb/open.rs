//! Opening a place: its folder, LMDB's files, their rights, and the format.
#![allow(unsafe_code)]

use super::LmdbOptions;
use super::claims::ClaimsFile;
use super::descriptors::Descriptors;
use super::environment::{Environment, Open};
use super::failure::describe;
use super::library::{Env, Error, Refusal};
use super::log::Entry;
use super::readers::Readers;
use super::revision::{HeaderPages, NUMBER_OFFSET};
use super::snapshot::OWN;
use super::txn::WriteTxn;
use crate::{ClaimKind, StoreError};
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) const DATA_FILE: &str = "data.mdb";
const LOCK_FILE: &str = "lock.mdb";
const CLAIMS_FILE: &str = "claims";

/// The claim of who opens the place, so that nobody meets a file that is being made.
const OPENING: &[u8] = b"opening the store";
const OPENING_TAKES: Duration = Duration::from_secs(10);

/// Reads at the same time, of all processes together. Of each process some more slots may wait for its next reads, as
/// many as the gate has shards.
pub(super) const MAX_READERS: u32 = 4096;

/// The newest format that this version knows, and the one it writes.
const FORMAT: u8 = 1;
/// The key of the format's record. Its value: one byte of format, then `FORMAT_NAME`.
const FORMAT_KEY: &[u8] = &[OWN, b'f', b'o', b'r', b'm', b'a', b't'];
const FORMAT_NAME: &[u8] = b"vhsm store";

/// The store's folder, made if missing; its canonical path.
pub(super) fn folder(options: &LmdbOptions) -> Result<PathBuf, StoreError> {
    let path = &options.path;
    let made = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::from(ErrorKind::NotADirectory)),
        Err(error) if error.kind() == ErrorKind::NotFound => make_folder(options),
        Err(error) => Err(error),
    };
    made.and_then(|()| path.canonicalize()).map_err(|error| of_io(path, &error))
}

fn make_folder(options: &LmdbOptions) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(&options.path)?;
    if options.group {
        fs::set_permissions(&options.path, Permissions::from_mode(0o2770))?;
    }
    Ok(())
}

/// Opens the environment in a folder; the registry has seen to it that this process has not opened it yet.
pub(super) fn environment(path: &Path, options: &LmdbOptions) -> Result<Environment, StoreError> {
    let claims = ClaimsFile::at(path.join(CLAIMS_FILE));
    create(claims.path()).map_err(|error| of_io(path, &error))?;
    let Some(mark) = claims.mark_process().map_err(|error| of_io(path, &error))? else {
        let cause = "another copy of this library has it open in this process, or in one with the same id";
        return Err(open_error(path, cause, "use one copy, and no store from two process id namespaces"));
    };
    let opening = claims.claim_within(OPENING, ClaimKind::Exclusive, OPENING_TAKES)?;
    if opening.is_none() {
        return Err(open_error(
            path,
            "another process has been opening it for long",
            "look what that process does",
        ));
    }
    drop_half_made(&path.join(DATA_FILE)).map_err(|error| of_io(path, &error))?;
    let env = open_env(path, options)?;
    drop(opening);
    if options.group {
        for file in [DATA_FILE, LOCK_FILE, CLAIMS_FILE] {
            give_to_group(&path.join(file)).map_err(|error| of_io(path, &error))?;
        }
    }
    let descriptors = Descriptors::of(&[&path.join(DATA_FILE), &path.join(LOCK_FILE)]);
    let stale_readers = env.clear_stale_readers().map_err(|error| of_lmdb(path, &error))?;
    fill_up(&env, path).map_err(|error| of_lmdb(path, &error))?;
    check_format(&env, path)?;
    let header = map_header(&env).map_err(|error| of_lmdb(path, &error))?;
    let open = Open { env, readers: Readers::default(), descriptors, _mark: mark };
    let environment = Environment::new(path.to_owned(), open, header, claims);
    environment.counters.stale_readers.store(stale_readers as u64, Ordering::Relaxed);
    Ok(environment)
}

/// LMDB writes the two header pages of a new file in one call, which a kill can cut short after the first; it then
/// takes the file for a damaged one. It is one that never held anything if no commit is on that page: such a file
/// is emptied. Any other short file is damaged.
fn drop_half_made(data: &Path) -> io::Result<()> {
    // SAFETY: asks for a number.
    let page_bytes = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let file = match OpenOptions::new().read(true).write(true).open(data) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    if file.metadata()?.len() >= 2 * page_bytes as u64 {
        return Ok(());
    }
    let mut first = Vec::with_capacity(2 * page_bytes);
    (&file).read_to_end(&mut first)?;
    let number = first.get(NUMBER_OFFSET..NUMBER_OFFSET + size_of::<usize>());
    if first.len() >= page_bytes && number.is_some_and(|number| number.iter().all(|byte| *byte == 0)) {
        file.set_len(0)?;
    }
    Ok(())
}

fn open_env(path: &Path, options: &LmdbOptions) -> Result<Env, StoreError> {
    const GRANULE: usize = 1 << 20;
    let map_bytes =
        options.map_bytes.max(1).checked_next_multiple_of(GRANULE).unwrap_or(super::DEFAULT_MAP_BYTES);
    // SAFETY: the files are changed by LMDB only (or they are damaged, which LMDB notices or not), and the registry
    // opens a place once per process.
    unsafe { Env::open(path, map_bytes, MAX_READERS) }.map_err(|error| of_lmdb(path, &error))
}

/// A data file may be shorter than its header says, where its last pages are free. If a damaged one is, reading the
/// missing pages would end the process; as zeros they are noticed.
fn fill_up(env: &Env, path: &Path) -> Result<(), Error> {
    // Keeps other processes from writing meanwhile.
    let txn = begin(env)?;
    let page_bytes = env.page_bytes() as u64;
    let wanted = (env.last_page() as u64 + 1) * page_bytes;
    let data = OpenOptions::new().write(true).open(path.join(DATA_FILE))?;
    if data.metadata()?.len() < wanted {
        data.set_len(wanted)?;
    }
    drop(txn);
    Ok(())
}

/// Begins to write; takes over the map size that another process has set meanwhile.
fn begin(env: &Env) -> Result<WriteTxn<'_>, Error> {
    let begun = WriteTxn::begin(env);
    if !matches!(begun, Err(Error::Lmdb(Refusal::MapResized))) {
        return begun;
    }
    // SAFETY: nobody else in this process has this environment yet, and here is no transaction.
    unsafe { env.resize(0) }?;
    WriteTxn::begin(env)
}

/// Reads the format's record, or writes it into a new store.
fn check_format(env: &Env, path: &Path) -> Result<(), StoreError> {
    let of_lmdb = |error: Error| of_lmdb(path, &error);
    let mut txn = begin(env).map_err(of_lmdb)?;
    txn.open_records().map_err(of_lmdb)?;
    let empty = txn.is_empty().map_err(of_lmdb)?;
    let Some(found) = txn.get(FORMAT_KEY).map_err(of_lmdb)? else {
        if !empty {
            return Err(open_error(path, "its database is not a store", "choose another folder"));
        }
        return write_format(txn).map_err(of_lmdb);
    };
    match found.split_first() {
        Some((&format, FORMAT_NAME)) if format > FORMAT => {
            let cause = format!("its format is {format}, this version knows up to {FORMAT}");
            Err(open_error(path, &cause, "use a newer version"))
        }
        Some((&FORMAT, FORMAT_NAME)) => {
            // Keeps the handle of the database; nothing was written.
            txn.commit().map_err(of_lmdb)
        }
        _ => Err(open_error(path, "its format record is damaged", "restore the folder from a backup")),
    }
}

fn write_format(mut txn: WriteTxn) -> Result<(), Error> {
    let value = [&[FORMAT], FORMAT_NAME].concat();
    txn.put(FORMAT_KEY, &value)?;
    Entry::new().append(&mut txn)?;
    txn.commit()
}

fn map_header(env: &Env) -> Result<HeaderPages, Error> {
    let expected = env.last_commit() as u64;
    Ok(HeaderPages::map(&env.data_file()?, env.page_bytes(), expected)?)
}

fn create(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file).map(|_: File| ())
}

/// Files are made 0600. Only their owner can change that, and only the owner need.
fn give_to_group(file: &Path) -> io::Result<()> {
    let metadata = file.metadata()?;
    // SAFETY: no arguments, cannot fail.
    let own = metadata.uid() == unsafe { libc::geteuid() };
    if own && metadata.mode() & 0o777 != 0o660 {
        fs::set_permissions(file, Permissions::from_mode(0o660))?;
    }
    Ok(())
}

/// Free bytes of the disk under `path`.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: a C string, and room for the answer.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it filled it in.
    let found = unsafe { found.assume_init() };
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The longest file that this process may write; `None` if there is no limit.
pub(super) fn file_size_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for the answer.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

fn of_lmdb(path: &Path, error: &Error) -> StoreError {
    let (cause, mend) = match error {
        Error::Io(error) => return of_io(path, error),
        Error::Lmdb(Refusal::Invalid) => {
            ("a file in it is not a store's, or damaged".to_owned(), "restore the folder from a backup")
        }
        Error::Lmdb(Refusal::VersionMismatch) => (
            "its files are of another version of LMDB".to_owned(),
            "use a newer version; if only lock.mdb is, remove that while no process uses the store",
        ),
        _ => (describe(error), "restore the folder from a backup"),
    };
    open_error(path, &cause, mend)
}

fn of_io(path: &Path, error: &io::Error) -> StoreError {
    let mend = match error.kind() {
        ErrorKind::PermissionDenied => "let this user read and write the folder and its files",
        ErrorKind::NotADirectory => "name a folder",
        ErrorKind::ReadOnlyFilesystem => "put the store on a file system that can be written",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
        ErrorKind::OutOfMemory => {
            "lower the store's map size, or raise the limit of address space (ulimit -v)"
        }
        _ => "look at the folder and its disk",
    };
    open_error(path, &error.to_string(), mend)
}

fn open_error(path: &Path, cause: &str, mend: &str) -> StoreError {
    StoreError::Open { path: path.to_owned(), cause: cause.to_owned(), mend: mend.to_owned() }
}
