//! Access keys: who may sign requests to `vhsm serve`, and as whom.
//!
//! They lie in one file in the form of AWS's shared credentials, so that AWS clients can use it as it is. The file is the
//! truth: the command changes it, a running server reads it again when it changes.

mod file;
mod keyring;
#[cfg(test)]
mod tests;

pub use file::CredentialFile;
pub use keyring::{Credential, Keyring};

use crate::cli::{CreateCredentialArgs, CredentialCommand, DeleteCredentialArgs};
use crate::failure::Failure;
use crate::output;
use crate::serve::Endpoint;
use file::Entry;
use serde::Serialize;
use vhsm_pkcs11::config::Config;
use zeroize::Zeroizing;

/// Whose requests they are that an access key signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    Root,
    /// An IAM user of this name.
    User(String),
}

impl Principal {
    /// `root`, or `user/NAME` with the characters of an IAM user's name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        };
        match text.strip_prefix("user/") {
            Some(name) if is_name(name) => Some(Principal::User(name.into())),
            None if text == "root" => Some(Principal::Root),
            _ => None,
        }
    }

    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:{self}")
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Principal::Root => f.write_str("root"),
            Principal::User(name) => write!(f, "user/{name}"),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedView<'a> {
    profile: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    arn: String,
    file: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialView<'a> {
    profile: &'a str,
    access_key_id: &'a str,
    has_session_token: bool,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialList<'a> {
    credentials: Vec<CredentialView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeletedView<'a> {
    access_key_id: &'a str,
}

pub fn run(config: &Config, command: CredentialCommand) -> Result<(), Failure> {
    let endpoint = Endpoint::of(config)?;
    let file = CredentialFile::new(&endpoint.credentials_file);
    match command {
        CredentialCommand::Create(arguments) => create(&file, &endpoint.account, &arguments),
        CredentialCommand::List => list(&file, &endpoint.account),
        CredentialCommand::Delete(arguments) => delete(&file, &arguments),
    }
}

fn create(file: &CredentialFile, account: &str, arguments: &CreateCredentialArgs) -> Result<(), Failure> {
    let principal = match &arguments.user {
        None => Principal::Root,
        Some(name) => Principal::parse(&format!("user/{name}")).ok_or_else(|| {
            Failure::new(format!("{name:?} is no user's name: 1 to 64 letters, digits and _+=,.@-"))
        })?,
    };
    let profile = arguments.profile.as_deref().or(arguments.user.as_deref()).unwrap_or("default");
    let entry = Entry::random(profile, principal, arguments.session_token)?;
    file.change(|entries| {
        if entries.iter().any(|known| known.profile == entry.profile) {
            let mend = "name another by --profile, or delete that one's access key first";
            return Err(Failure::new(format!("there is a profile {:?} already; {mend}", entry.profile)));
        }
        entries.push(entry.clone());
        Ok(())
    })?;
    output::json(&CreatedView {
        profile: &entry.profile,
        access_key_id: &entry.access_key,
        secret_access_key: &entry.secret,
        session_token: entry.session_token.as_ref().map(|token| token.as_str()),
        arn: entry.principal.arn(account),
        file: file.path().display().to_string(),
    })
}

fn list(file: &CredentialFile, account: &str) -> Result<(), Failure> {
    let entries = file.read()?.unwrap_or_default();
    let view = |entry| {
        let Entry { profile, access_key, session_token, principal, .. }: &Entry = entry;
        let (has_session_token, arn) = (session_token.is_some(), principal.arn(account));
        CredentialView { profile, access_key_id: access_key, has_session_token, arn }
    };
    output::json(&CredentialList { credentials: entries.iter().map(view).collect() })
}

fn delete(file: &CredentialFile, arguments: &DeleteCredentialArgs) -> Result<(), Failure> {
    let access_key = &arguments.access_key_id;
    file.change(|entries| {
        let before = entries.len();
        entries.retain(|entry| entry.access_key != *access_key);
        match before - entries.len() {
            0 => Err(Failure::new(format!(
                "there is no access key {access_key:?}; `vhsm credential list` shows those there are"
            ))),
            _ => Ok(()),
        }
    })?;
    output::json(&DeletedView { access_key_id: access_key })
}

/// Makes the root's access key where there is no file yet. `true`: it did.
pub fn make_first(file: &CredentialFile) -> Result<bool, Failure> {
    if file.read()?.is_some() {
        return Ok(false);
    }
    let entry = Entry::random("default", Principal::Root, false)?;
    let mut made = false;
    file.make(|| {
        made = true;
        vec![entry]
    })?;
    Ok(made)
}

/// A secret's text.
type Secret = Zeroizing<String>;
