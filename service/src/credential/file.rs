//! The file of access keys: AWS's shared credentials form, with a line of our own that says whose they are.

use super::{Principal, Secret};
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use vhsm_pkcs11::crypto::random;
use vhsm_pkcs11::error::Error;
use zeroize::Zeroizing;

const HEAD: &str = "\
# Access keys of `vhsm serve`; AWS clients read it by AWS_SHARED_CREDENTIALS_FILE. `vhsm credential` writes this file anew.
";

/// A profile of the file.
#[derive(Clone)]
pub struct Entry {
    pub profile: String,
    pub access_key: String,
    pub secret: Secret,
    pub session_token: Option<Secret>,
    pub principal: Principal,
}

impl Entry {
    /// As IAM makes them: AKIA..., or ASIA... with a session token; a secret of 240 random bits.
    pub fn random(profile: &str, principal: Principal, with_token: bool) -> Result<Self, Failure> {
        if profile.is_empty() || !profile.bytes().all(|b| b.is_ascii_graphic() && !b"[]#;".contains(&b)) {
            let mend = "use letters, digits and signs other than [ ] # ;";
            return Err(Failure::new(format!("{profile:?} is no profile's name: {mend}")));
        }
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let drawn: [u8; 16] = random::array()?;
        let id: String = drawn.iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect();
        Ok(Self {
            profile: profile.into(),
            access_key: format!("{}{id}", if with_token { "ASIA" } else { "AKIA" }),
            secret: random_text::<30>()?,
            session_token: with_token.then(random_text::<96>).transpose()?,
            principal,
        })
    }
}

fn random_text<const N: usize>() -> Result<Secret, Error> {
    let bytes: Zeroizing<[u8; N]> = Zeroizing::new(random::array()?);
    Ok(Zeroizing::new(STANDARD.encode(&bytes[..])))
}

pub struct CredentialFile {
    path: PathBuf,
}

impl CredentialFile {
    pub fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `None`: there is no such file. Errors: others may read it, or it is in no good form.
    pub fn read(&self) -> Result<Option<Vec<Entry>>, Failure> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.cannot(&error)),
        };
        let mode = file.metadata().map_err(|error| self.cannot(&error))?.mode();
        if mode & 0o077 != 0 {
            let (path, mode) = (self.path.display(), mode & 0o777);
            return Err(Failure::new(format!(
                "{path}: others may read the access keys (mode {mode:o}): chmod 600, and see who could have read them"
            )));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(|error| self.cannot(&error))?;
        let entries = parse(&text);
        entries.map(Some).map_err(|why| Failure::new(format!("{}: {why}", self.path.display())))
    }

    /// Reads, changes and writes it, alone; a kill leaves the old file or the new one.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Entry>) -> Result<(), Failure>) -> Result<(), Failure> {
        let _alone = self.alone()?;
        let mut entries = self.read()?.unwrap_or_default();
        change(&mut entries)?;
        self.write(&entries).map_err(|error| self.cannot(&error))
    }

    /// Writes it where there is none.
    pub fn make(&self, entries: impl FnOnce() -> Vec<Entry>) -> Result<(), Failure> {
        let _alone = self.alone()?;
        match self.read()? {
            Some(_) => Ok(()),
            None => self.write(&entries()).map_err(|error| self.cannot(&error)),
        }
    }

    /// A lock on the folder, until it is dropped.
    fn alone(&self) -> Result<File, Failure> {
        let lock = || {
            let folder = self.folder();
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let folder = File::open(folder)?;
            flock(&folder, FlockOperation::LockExclusive)?;
            Ok(folder)
        };
        lock().map_err(|error| self.cannot(&error))
    }

    fn write(&self, entries: &[Entry]) -> std::io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let draft = self.folder().join(format!(".{name}.{}", std::process::id()));
        let written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).and_then(
                |mut file| {
                    file.write_all(text(entries).as_bytes())?;
                    file.sync_all()?;
                    std::fs::rename(&draft, &self.path)?;
                    File::open(self.folder())?.sync_all()
                },
            );
        if written.is_err() {
            // It may not be there.
            let _ = std::fs::remove_file(&draft);
        }
        written
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn cannot(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!(
            "{}: {error}; let this user read and write it, or name another file in `serve.credentials_file`",
            self.path.display()
        ))
    }
}

fn text(entries: &[Entry]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(HEAD.to_owned());
    // Grown by hand, so that no copy of a secret is left behind by a string that moves.
    text.reserve_exact(entries.len() * 1024);
    for entry in entries {
        let Entry { profile, access_key, secret, session_token, principal } = entry;
        *text += "\n[";
        *text += profile;
        for (name, value) in [
            ("]\naws_access_key_id = ", Some(access_key.as_str())),
            ("\naws_secret_access_key = ", Some(secret.as_str())),
            ("\naws_session_token = ", session_token.as_ref().map(|token| token.as_str())),
            ("\nvhsm_principal = ", Some(principal.to_string().as_str())),
        ] {
            if let Some(value) = value {
                *text += name;
                *text += value;
            }
        }
        *text += "\n";
    }
    text
}

/// Errors: which line is wrong, without what stands in it.
fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut draft: Option<Draft> = None;
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            entries.extend(draft.take().map(Draft::finish).transpose()?);
            draft = Some(Draft { profile: name.trim().into(), ..Draft::default() });
            continue;
        }
        let (Some((name, value)), Some(draft)) = (line.split_once('='), &mut draft) else {
            return Err(format!("line {number} is neither [profile] nor name = value below one"));
        };
        draft.take(name.trim(), value.trim()).map_err(|why| format!("line {number}: {why}"))?;
    }
    entries.extend(draft.take().map(Draft::finish).transpose()?);
    Ok(entries)
}

/// A profile while it is read.
#[derive(Default)]
struct Draft {
    profile: String,
    access_key: Option<String>,
    secret: Option<Secret>,
    session_token: Option<Secret>,
    principal: Option<Principal>,
}

impl Draft {
    /// Names that are not known are other programs'.
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let secret = || Some(Zeroizing::new(value.to_owned()));
        match name {
            "aws_access_key_id" => {
                let is_one =
                    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !is_one {
                    return Err("an access key has letters, digits and _ only".into());
                }
                self.access_key = Some(value.into());
            }
            "aws_secret_access_key" => self.secret = secret(),
            "aws_session_token" => self.session_token = secret(),
            "vhsm_principal" => match Principal::parse(value) {
                Some(principal) => self.principal = Some(principal),
                None => return Err("vhsm_principal is root, or user/NAME".into()),
            },
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Entry, String> {
        let Self { profile, access_key, secret, session_token, principal } = self;
        let (Some(access_key), Some(secret)) = (access_key, secret) else {
            return Err(format!("profile [{profile}] lacks aws_access_key_id or aws_secret_access_key"));
        };
        if secret.is_empty() {
            return Err(format!("profile [{profile}] has an empty aws_secret_access_key"));
        }
        Ok(Entry {
            profile,
            access_key,
            secret,
            session_token,
            principal: principal.unwrap_or(Principal::Root),
        })
    }
}
