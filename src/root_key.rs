//! The service's root key: what the control plane keeps for itself is sealed under it.
//!
//! It comes from the file that VHSM_ROOT_KEY_FILE (or `root_key_file`) names, from the systemd credential
//! `vhsm-root-key`, or from `$VHSM_HOME/service.key`, which is made on first use (0600). 32 bytes, raw or as 64
//! hexadecimal digits. The PKCS#11 library never reads it: it opens no user's keys and no object, but for the users whose
//! passwords the service itself keeps under it (kmsuser, as KMS logs in).

use crate::crypto::random;
use crate::crypto::seal::{self, KEY_BYTES, Key, NONCE_BYTES, SealKey};
use crate::error::{ConfigError, Error};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The systemd credential's name.
const CREDENTIAL: &str = "vhsm-root-key";
/// The key's name in VHSM_HOME.
const OWN_FILE: &str = "service.key";
/// Raw, or in hexadecimal with a line's end.
const MAX_FILE_BYTES: u64 = 2 * KEY_BYTES as u64 + 2;

/// 256 bits; wiped when dropped.
pub struct RootKey(Key);

impl RootKey {
    /// The key in the file `named`; else systemd's credential; else `home`'s `service.key`, made where there is none yet.
    /// Errors: `ConfigError::File`.
    pub fn load(named: Option<&Path>, home: &Path) -> Result<Self, ConfigError> {
        match Self::existing(named, home)? {
            Some(key) => Ok(key),
            None => make(&home.join(OWN_FILE)),
        }
    }

    /// As `load`, but makes none. Errors: `ConfigError::File`.
    pub fn existing(named: Option<&Path>, home: &Path) -> Result<Option<Self>, ConfigError> {
        let path = Self::place(named, home);
        match (read(&path)?, named) {
            (None, Some(_)) => Err(missing(&path)),
            (key, _) => Ok(key),
        }
    }

    /// Where `load` takes the key from.
    pub fn place(named: Option<&Path>, home: &Path) -> PathBuf {
        let credential = || {
            let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
            path.exists().then_some(path)
        };
        named.map(Path::to_owned).or_else(credential).unwrap_or_else(|| home.join(OWN_FILE))
    }

    /// For tests, and for callers that have the key from elsewhere.
    pub fn new(key: Key) -> Self {
        Self(key)
    }

    /// Seals `plain` for one purpose, bound to `aad`. Nonces are random (NIST SP 800-38D sec. 8.2.2), which bears 2^32 of
    /// them: far more than a control plane seals.
    pub fn seal(
        &self,
        purpose: &str,
        aad: &[u8],
        plain: &[u8],
    ) -> Result<([u8; NONCE_BYTES], Vec<u8>), Error> {
        let nonce = random::array()?;
        let mut sealed = Vec::new();
        SealKey::new(&seal::derive(&self.0, purpose)).seal(&nonce, aad, plain, &mut sealed)?;
        Ok((nonce, sealed))
    }

    /// What `seal` sealed; `None` where it was another key, purpose or aad.
    pub fn open(
        &self,
        purpose: &str,
        aad: &[u8],
        nonce: &[u8; NONCE_BYTES],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        SealKey::new(&seal::derive(&self.0, purpose)).open(nonce, aad, sealed)
    }
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey")
    }
}

/// `None`: there is no such file.
fn read(path: &Path) -> Result<Option<RootKey>, ConfigError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(path, error.to_string(), "let this user read it")),
    };
    let mode = file.metadata().map_err(|e| problem(path, e.to_string(), "let this user read it"))?.mode();
    if mode & 0o077 != 0 {
        let cause = format!("others may read it (mode {:o})", mode & 0o777);
        return Err(problem(path, cause, "chmod 600, and see who could have read it"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    (&mut file)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| problem(path, e.to_string(), "let this user read it"))?;
    let key = parse(&bytes).ok_or_else(|| {
        let cause = "it is not a root key: 32 bytes, or 64 hexadecimal digits".into();
        problem(path, cause, "put the right file back, or name it in VHSM_ROOT_KEY_FILE")
    })?;
    Ok(Some(RootKey(key)))
}

fn parse(bytes: &[u8]) -> Option<Key> {
    let mut key = Key::default();
    if bytes.len() == KEY_BYTES {
        key.copy_from_slice(bytes);
        return Some(key);
    }
    let text = bytes.trim_ascii_end();
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = (high? * 16 + low?) as u8;
    }
    Some(key)
}

/// A new one, whole or not at all: two processes that make it at once agree on one.
fn make(path: &Path) -> Result<RootKey, ConfigError> {
    let cannot = |error: std::io::Error| problem(path, error.to_string(), "let this user write the folder");
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
    let entropy = |error: Error| problem(path, error.to_string(), "see why the system gives no random bytes");
    let key = seal::random_key().map_err(entropy)?;
    let suffix: [u8; 8] = random::array().map_err(entropy)?;
    let draft = folder.join(format!(".service.key.{:016x}", u64::from_ne_bytes(suffix)));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
            file.write_all(&key[..])?;
            file.sync_all()?;
            std::fs::hard_link(&draft, path)?;
            File::open(folder)?.sync_all()
        });
    let _ = std::fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(RootKey(key)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path)?.ok_or_else(|| missing(path)),
        Err(error) => Err(cannot(error)),
    }
}

fn missing(path: &Path) -> ConfigError {
    let mend = "put it back, or name another in VHSM_ROOT_KEY_FILE";
    problem(path, "the root key's file does not exist".into(), mend)
}

fn problem(path: &Path, cause: String, mend: &str) -> ConfigError {
    ConfigError::File { path: path.display().to_string(), cause, mend: mend.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/service.key");
        assert!(read(&path).unwrap().is_none());
        let made = make(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let (nonce, sealed) = made.seal("p", b"a", b"secret").unwrap();
        let again = make(&path).unwrap();
        assert_eq!(again.open("p", b"a", &nonce, &sealed).unwrap().as_slice(), b"secret");
        assert!(again.open("q", b"a", &nonce, &sealed).is_none());
        assert!(again.open("p", b"b", &nonce, &sealed).is_none());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn files_that_are_no_root_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let put = |bytes: &[u8], mode| {
            let _ = std::fs::remove_file(&path);
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)
                .unwrap()
                .write_all(bytes)
                .unwrap();
            read(&path).map(drop)
        };
        assert!(put(&[7; 32], 0o600).is_ok());
        assert!(put(&[b'a'; 64], 0o400).is_ok());
        assert!(put(&[&[b'A'; 64][..], b"\n"].concat(), 0o600).is_ok());
        for bad in [&[7; 31][..], &[7; 33], &[b'g'; 64], b"", &[b'a'; 200]] {
            assert!(put(bad, 0o600).is_err(), "{bad:?}");
        }
        assert!(put(&[7; 32], 0o644).unwrap_err().to_string().contains("chmod 600"));
    }
}
