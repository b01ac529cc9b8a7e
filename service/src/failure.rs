//! What went wrong, in one line: what, and how to mend it. No password ever enters it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::fmt;
use vhsm_pkcs11::error::{ClusterError, Error};

/// A command that failed.
pub struct Failure(String);

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self(one_line(&message.into()))
    }

    /// A command line that could not be read: clap's message up to its usage text.
    pub fn usage(error: &clap::Error) -> Self {
        if let (ErrorKind::UnknownArgument, Some(ContextValue::String(argument))) =
            (error.kind(), error.get(ContextKind::InvalidArg))
            && !argument.starts_with('-')
        {
            // It may be the rest of a password that lacks its quotes.
            return Self::new("there is an argument too many; put a value with spaces in quotes");
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let lines =
            text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let lines: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
        Self::new(format!("{}; `--help` behind the command explains it", lines.join(" ")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match mend(&error) {
            Some(mend) => Self::new(format!("{error}; {mend}")),
            None => Self::new(error.to_string()),
        }
    }
}

/// What to do about it, where the message itself does not say.
fn mend(error: &Error) -> Option<&'static str> {
    let Error::Cluster(error) = error else { return None };
    match error {
        ClusterError::Ambiguous(..) => Some("`vhsm cluster list` shows it"),
        ClusterError::LabelTaken(_) => Some("choose another label, or `vhsm cluster delete` that one"),
        ClusterError::PinIncorrect => Some("check the user:password in --pin or VHSM_PIN"),
        ClusterError::PinLength { .. } => Some("choose another password"),
        ClusterError::PinCharacter(_) => Some("choose a password without it"),
        ClusterError::UserNotFound(_) => Some("`vhsm user list` shows those there are"),
        ClusterError::UserExists(_) => Some("choose another name, or `vhsm user change-password`"),
        ClusterError::LoginNeeded(_) => Some("give one of its logins by --pin or VHSM_PIN"),
        ClusterError::Corrupt(_) => {
            Some("put back an undamaged copy of the store, or delete the cluster's folder")
        }
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
