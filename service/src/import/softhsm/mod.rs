//! SoftHSM 2's tokens, read from their files: SoftHSM itself need not be there.
//!
//! A token is a folder with `token.object` (its label, its serial number and what the PINs open) and a file
//! `<uuid>.object` for each object. Only read, never written to. Called by: the import.

mod file;
mod secrets;
#[cfg(test)]
mod tests;

pub use file::{Attributes, Stored, Value, as_in_template};
use secrets::TokenKey;

use crate::failure::Failure;
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_DATE, CK_TRUE, CKA_END_DATE, CKA_PRIVATE, CKA_START_DATE, CKA_VENDOR_DEFINED,
};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// SoftHSM's own attributes of `token.object`.
const OWN: u64 = CKA_VENDOR_DEFINED + 0x5348;
const TOKEN_LABEL: u64 = OWN + 1;
const TOKEN_SERIAL: u64 = OWN + 2;
const USER_PIN: u64 = OWN + 5;

const TOKEN_FILE: &str = "token.object";
const DATABASE: &str = "sqlite3.db";
/// More than any object has that vhsm could keep.
const MAX_FILE_BYTES: u64 = 2 << 20;

/// A token whose own file could be read.
pub struct Token {
    folder: PathBuf,
    pub label: String,
    pub serial: String,
    /// What the user's PIN opens; none: no user has a PIN, and there are no private objects.
    user_pin: Option<Vec<u8>>,
}

/// A token with what its PIN opened.
pub struct OpenToken<'t> {
    token: &'t Token,
    key: Option<TokenKey>,
}

/// An attribute with a copy of its value, as a template has it.
pub type Owned = (CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>);

/// What lies in a folder of tokens.
#[derive(Default)]
struct Found {
    tokens: Vec<Token>,
    /// Tokens that cannot be read, and why.
    unreadable: Vec<String>,
}

impl Token {
    /// The token in this folder, or the one of its subfolders that has the label or serial number `name`.
    pub fn find(folder: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let mut found = Found::default();
        found.look_at(folder);
        if found.is_empty() {
            for subfolder in subfolders(folder)? {
                found.look_at(&subfolder);
            }
        }
        found.choose(folder, name)
    }

    fn open(folder: &Path) -> Result<Self, String> {
        let attributes = read(&folder.join(TOKEN_FILE))?;
        let text = |kind| {
            let bytes = attributes.bytes(kind).ok_or("it lacks the token's label or serial number");
            bytes.map(|bytes| String::from_utf8_lossy(bytes).trim_end_matches([' ', '\0']).to_owned())
        };
        Ok(Self {
            folder: folder.to_owned(),
            label: text(TOKEN_LABEL)?,
            serial: text(TOKEN_SERIAL)?,
            user_pin: attributes.bytes(USER_PIN).filter(|blob| !blob.is_empty()).map(<[u8]>::to_vec),
        })
    }

    /// Whether there is anything that a PIN opens.
    pub fn has_pin(&self) -> bool {
        self.user_pin.is_some()
    }

    /// Opens the private objects. Nothing is counted: SoftHSM counts no tries either.
    pub fn unlock(&self, pin: &[u8]) -> Result<OpenToken<'_>, Failure> {
        let Some(blob) = &self.user_pin else { return Ok(OpenToken { token: self, key: None }) };
        let Some(key) = TokenKey::open(blob, pin)? else {
            return Err(Failure::new(format!(
                "this is not the user's PIN of the SoftHSM token {:?}: check --token-pin-file, --token-pin or \
                 VHSM_TOKEN_PIN",
                self.label
            )));
        };
        Ok(OpenToken { token: self, key: Some(key) })
    }
}

impl Found {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.unreadable.is_empty()
    }

    fn look_at(&mut self, folder: &Path) {
        if folder.join(TOKEN_FILE).exists() {
            match Token::open(folder) {
                Ok(token) => self.tokens.push(token),
                Err(why) => self.unreadable.push(format!("{}: {why}", folder.join(TOKEN_FILE).display())),
            }
        } else if folder.join(DATABASE).exists() {
            self.unreadable.push(format!(
                "{}: this token lies in a database, and only those in files can be read; make one with \
                 `objectstore.backend = file` in softhsm2.conf and copy the objects there",
                folder.display()
            ));
        }
    }

    fn choose(mut self, folder: &Path, name: Option<&str>) -> Result<Token, Failure> {
        let place = folder.display();
        if let Some(name) = name {
            self.tokens.retain(|token| token.label == name || token.serial == name);
        }
        match (self.tokens.pop(), self.tokens.len(), self.unreadable.as_slice()) {
            (Some(token), 0, []) => Ok(token),
            (Some(token), 0, _) if name.is_some() => Ok(token),
            (None, _, []) if name.is_none() => Err(Failure::new(format!(
                "{place} has no token of SoftHSM: give the folder that `directories.tokendir` names in softhsm2.conf"
            ))),
            (None, _, []) => {
                Err(Failure::new(format!("{place} has no token with the label or serial number {name:?}")))
            }
            (None, _, unreadable) => Err(Failure::new(unreadable.join("; "))),
            (Some(token), _, unreadable) => {
                self.tokens.push(token);
                let names = self.tokens.iter().map(|token| format!("{:?} ({})", token.label, token.serial));
                let all: Vec<String> = names.chain(unreadable.iter().cloned()).collect();
                Err(Failure::new(format!(
                    "{place} has several tokens: say which by --token: {}",
                    all.join(", ")
                )))
            }
        }
    }
}

impl OpenToken<'_> {
    /// The files of the objects, in a fixed order.
    pub fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = entries(&self.token.folder)?;
        files.retain(|file| {
            let is_object = file.extension().is_some_and(|extension| extension == "object");
            is_object && file.file_name().is_some_and(|name| name != TOKEN_FILE)
        });
        files.sort();
        Ok(files)
    }

    /// The attributes of an object, decrypted. Errors: why it cannot be read, in words.
    pub fn object(&self, file: &Path) -> Result<Vec<Owned>, String> {
        let attributes = read(file)?;
        // As SoftHSM has it: what does not say otherwise is private.
        let is_private = attributes.flag(CKA_PRIVATE).unwrap_or(true);
        let mut all = Vec::new();
        for (kind, value) in attributes.iter() {
            let value = match value {
                Value::Bytes(bytes) if is_private && !is_plain_date(kind, bytes) => self.decrypted(bytes)?,
                value => as_in_template(value),
            };
            all.push((kind, value));
        }
        if attributes.get(CKA_PRIVATE).is_none() {
            all.push((CKA_PRIVATE, Zeroizing::new(vec![CK_TRUE])));
        }
        Ok(all)
    }

    fn decrypted(&self, bytes: &Stored) -> Result<Zeroizing<Vec<u8>>, String> {
        let Some(key) = &self.key else {
            return Err("it is private, and the token has no user's PIN".into());
        };
        let plain = key.decrypt(bytes.expose()).map_err(|error| error.to_string())?;
        let plain = plain.ok_or("it is damaged: an attribute does not decrypt under the token's key")?;
        Ok(Zeroizing::new(plain.expose().to_vec()))
    }
}

/// SoftHSM stores the dates of private objects as they are, though it decrypts them when asked for them.
fn is_plain_date(kind: u64, bytes: &Stored) -> bool {
    matches!(kind, CKA_START_DATE | CKA_END_DATE) && bytes.expose().len() == size_of::<CK_DATE>()
}

/// Reads a file as SoftHSM does: under a lock, so that nothing is seen that is half written.
fn read(path: &Path) -> Result<Attributes, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err("it is no file".into());
    }
    // Where locks cannot be had (some network folders), SoftHSM has none either.
    let _ = fcntl_lock(&file, FlockOperation::LockShared);
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("the file has more than {MAX_FILE_BYTES} bytes: no object has that many"));
    }
    Attributes::parse(&bytes).map_err(|damage| damage.to_string())
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut all = entries(folder)?;
    all.retain(|path| path.is_dir());
    all.sort();
    Ok(all)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        let mend = match error.kind() {
            ErrorKind::PermissionDenied => "; run this as the user whose token it is",
            _ => "; give a folder of SoftHSM's tokens",
        };
        Failure::new(format!("{}: {error}{mend}", folder.display()))
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}
