//! The access keys as a server holds them.

use super::file::{CredentialFile, Entry};
use super::{Principal, Secret};
use crate::failure::Failure;
use crate::http::sigv4::{AccessKey, SigningKeys};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use vhsm_keystore::Caller;

/// An access key that may sign, and what is derived of its secret.
pub struct Credential {
    pub access_key: String,
    pub secret: Secret,
    pub session_token: Option<Secret>,
    pub principal: Principal,
    pub caller: Caller,
    pub signing_keys: SigningKeys,
}

impl Credential {
    fn new(entry: Entry, account: &str) -> Self {
        let Entry { access_key, secret, session_token, principal, .. } = entry;
        let caller = Caller { account: account.into(), principal: principal.arn(account), request_id: None };
        Self { access_key, secret, session_token, principal, caller, signing_keys: SigningKeys::default() }
    }
}

impl AccessKey for Credential {
    fn secret(&self) -> &str {
        &self.secret
    }

    fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }

    fn signing_keys(&self) -> &SigningKeys {
        &self.signing_keys
    }
}

type Table = HashMap<String, Arc<Credential>>;

/// The file's access keys, read again when the file is another.
pub struct Keyring {
    file: CredentialFile,
    account: String,
    table: RwLock<Arc<Table>>,
    /// Of the file that was read last, well or badly. Held while it is read.
    stamp: Mutex<Option<Stamp>>,
}

/// Tells one content of the file from another: it is only ever replaced, or edited by hand.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified_ns: (i64, i64),
}

impl Keyring {
    /// Errors: the file cannot be read, or is in no good form.
    pub fn open(file: CredentialFile, account: &str) -> Result<Self, Failure> {
        let keyring =
            Self { file, account: account.into(), table: RwLock::default(), stamp: Mutex::default() };
        keyring.refresh()?;
        Ok(keyring)
    }

    /// One that is not known may have been made since: then the file is looked at.
    pub fn find(&self, access_key: &str) -> Option<Arc<Credential>> {
        let find = || self.table.read().get(access_key).cloned();
        find().or_else(|| match self.refresh() {
            Ok(true) => find(),
            // Whoever looks after the file tells of a bad one.
            Ok(false) | Err(_) => None,
        })
    }

    /// Reads the file if it is another than before. `true`: it was. Errors: as `open`; the access keys stay as they are.
    pub fn refresh(&self) -> Result<bool, Failure> {
        let mut stamp = self.stamp.lock();
        let now = std::fs::metadata(self.file.path()).ok().map(|data| Stamp {
            inode: data.ino(),
            bytes: data.len(),
            modified_ns: (data.mtime(), data.mtime_nsec()),
        });
        if *stamp == now && now.is_some() {
            return Ok(false);
        }
        let entries = self.file.read();
        *stamp = now;
        let credential =
            |entry: Entry| (entry.access_key.clone(), Arc::new(Credential::new(entry, &self.account)));
        *self.table.write() = Arc::new(entries?.unwrap_or_default().into_iter().map(credential).collect());
        Ok(true)
    }
}
