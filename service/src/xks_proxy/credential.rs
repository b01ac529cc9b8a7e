//! `vhsm xks-proxy new-credential`: what KMS signs with, for both ends.

use super::settings::{PATH, path_prefix_fault};
use crate::cli::NewCredentialArgs;
use crate::failure::Failure;
use crate::output;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vhsm_pkcs11::crypto::random;
use zeroize::Zeroizing;

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// So that nobody takes it for one of IAM's.
const MARK: &str = "XKS";
const DRAWN: usize = 17;
/// 64 characters of base64, without padding.
const SECRET_BYTES: usize = 48;

/// An access key id of the form that KMS takes, and a secret of 384 random bits.
pub struct NewCredential {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
}

impl NewCredential {
    pub fn random() -> Result<Self, Failure> {
        let drawn: [u8; DRAWN] = random::array()?;
        let letters = drawn.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        let bytes: Zeroizing<[u8; SECRET_BYTES]> = Zeroizing::new(random::array()?);
        Ok(Self {
            access_key_id: MARK.chars().chain(letters).collect(),
            secret: Zeroizing::new(STANDARD.encode(&bytes[..])),
        })
    }

    /// Writes ID.secret and ID.json (developer guide, "Create an external key store": proxy configuration file).
    pub fn write(&self, folder: &Path, path_prefix: &str) -> Result<Files, Failure> {
        let file = |ending: &str| folder.join(format!("{}.{ending}", self.access_key_id));
        let files = Files { secret: file("secret"), console: file("json") };
        let console = ProxyConfiguration {
            xks_proxy_uri_path: format!("{path_prefix}{PATH}"),
            xks_proxy_authentication_credential: Signer {
                access_key_id: &self.access_key_id,
                raw_secret_access_key: &self.secret,
            },
        };
        let json = serde_json::to_vec_pretty(&console).map(Zeroizing::new);
        let json = json.map_err(|error| Failure::new(format!("the proxy's configuration file: {error}")))?;
        for (path, bytes) in [(&files.secret, self.secret.as_bytes()), (&files.console, &json)] {
            write(path, bytes).map_err(|error| {
                let mend = "name a folder that this user can write in by --folder";
                Failure::new(format!("{}: {error}; {mend}", path.display()))
            })?;
        }
        Ok(files)
    }
}

/// Where a credential was written.
pub struct Files {
    pub secret: PathBuf,
    pub console: PathBuf,
}

/// As the KMS console takes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProxyConfiguration<'a> {
    xks_proxy_uri_path: String,
    xks_proxy_authentication_credential: Signer<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Signer<'a> {
    access_key_id: &'a str,
    raw_secret_access_key: &'a str,
}

/// What the command answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MadeView<'a> {
    access_key_id: &'a str,
    secret_file: String,
    console_file: String,
    /// For `credentials` of a key store.
    credential: String,
}

/// Makes one, and says where it lies.
pub fn make(arguments: &NewCredentialArgs) -> Result<(), Failure> {
    if let Some((what, mend)) = path_prefix_fault(&arguments.path_prefix) {
        return Err(Failure::new(format!("--path-prefix {:?}: {what}; {mend}", arguments.path_prefix)));
    }
    let folder = std::path::absolute(&arguments.folder)
        .map_err(|error| Failure::new(format!("{}: {error}", arguments.folder.display())))?;
    let new = NewCredential::random()?;
    let files = new.write(&folder, &arguments.path_prefix)?;
    let secret_file = files.secret.display().to_string();
    output::json(&MadeView {
        access_key_id: &new.access_key_id,
        credential: format!("{{ access_key_id = {:?}, secret_file = {secret_file:?} }}", new.access_key_id),
        secret_file,
        console_file: files.console.display().to_string(),
    })
}

/// A new file that nobody else can read.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::settings::{is_access_key_id, is_secret};
    use super::*;

    #[test]
    fn it_has_the_form_that_kms_takes() {
        let (one, other) = (NewCredential::random().ok().unwrap(), NewCredential::random().ok().unwrap());
        assert!(is_access_key_id(&one.access_key_id) && is_secret(&one.secret));
        assert!(one.access_key_id != other.access_key_id && one.secret != other.secret);
    }
}
