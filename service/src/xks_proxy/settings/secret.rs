//! Files of secrets: nobody else may read them, and of what is in them nothing is ever told.

use crate::failure::Failure;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;
use zeroize::{Zeroize, Zeroizing};

/// More than any PIN or secret access key has.
const MOST_BYTES: u64 = 4096;

/// The first line, without its end, and when the file was written. Errors: it cannot be read, others may read it, it is empty.
pub fn first_line(path: &Path) -> Result<(Zeroizing<String>, SystemTime), Failure> {
    let file = open(path, 0o077)?;
    let since = file.metadata().and_then(|facts| facts.modified()).map_err(|error| cannot(path, &error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES as usize));
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| cannot(path, &error))?;
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len());
    bytes[end..].zeroize();
    bytes.truncate(end);
    match std::str::from_utf8(&bytes) {
        Ok("") => Err(wrong(path, "its first line is empty", "write the secret there")),
        Ok(text) => Ok((Zeroizing::new(text.to_owned()), since)),
        Err(_) => Err(wrong(path, "its first line is no UTF-8", "write the secret there as text")),
    }
}

/// Errors: it cannot be read, or not only the group may.
pub fn check_key(path: &Path) -> Result<(), Failure> {
    open(path, 0o007).map(drop)
}

/// Refuses what bits of `mode` let others do.
fn open(path: &Path, mode: u32) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| cannot(path, &error))?;
    let found = file.metadata().map_err(|error| cannot(path, &error))?.mode() & 0o777;
    // What systemd hands over has an ACL, whose mask shows as the group's bits: the folder itself is the service's alone.
    let of_systemd = std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder));
    let mode = if of_systemd { mode & 0o007 } else { mode };
    match found & mode {
        0 => Ok(file),
        _ => Err(wrong(
            path,
            &format!("others may read it (mode {found:o})"),
            &format!("chmod {:o}, and see who could have read it", found & !mode & 0o666),
        )),
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    wrong(path, &error.to_string(), "name a file that this user can read")
}

fn wrong(path: &Path, what: &str, mend: &str) -> Failure {
    Failure::new(format!("{}: {what}; {mend}", path.display()))
}
