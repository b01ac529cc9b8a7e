//! Names and passwords: what they may be, and how a PIN's text is read.
//!
//! The text before a PIN's first `:` names a user only if that user exists; else the whole is a bare PIN, for
//! user `admin` (CKU_SO) or the cluster's default or only crypto user (CKU_USER).

use crate::cluster::records::{Maced, UserRecord};
use crate::cluster::{PasswordRules, Role, UserId};
use crate::error::{ClusterError, Error};

/// The admin that `create` and C_InitToken make.
pub(super) const ADMIN: &str = "admin";
/// The crypto user that C_InitPIN makes.
pub(super) const DEFAULT_USER: &str = "user";
/// CloudHSM: the appliance user's name, which no other user can have.
pub const APPLIANCE_USER: &str = "app_user";
const MAX_NAME: usize = 31;
/// CK_TOKEN_INFO (PKCS#11 3.0 sec. 3.2).
const MAX_LABEL: usize = 32;

/// A new user's name in lower case. CloudHSM: 1 to 31 characters, letters, digits and `_`.
pub(super) fn new_name(text: &str) -> Result<String, Error> {
    let name = text.to_ascii_lowercase();
    let bad = |reason: String| Err(ClusterError::BadInput { field: "user name", reason }.into());
    if name.is_empty() || name.len() > MAX_NAME {
        return bad(format!("it has {} characters; 1 to {MAX_NAME} are allowed", text.chars().count()));
    }
    if let Some(other) = text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return bad(format!("{other:?} is not allowed; use letters, digits and _"));
    }
    if name == APPLIANCE_USER {
        return bad(format!("{APPLIANCE_USER} is the HSM's own user; choose another"));
    }
    Ok(name)
}

/// A cluster's label, which is its tokens' label: 32 bytes of CK_TOKEN_INFO.
pub(super) fn check_label(label: &str) -> Result<(), Error> {
    let bad = |reason: String| Err(ClusterError::BadInput { field: "label", reason }.into());
    if label.len() > MAX_LABEL {
        return bad(format!("it has {} bytes; a token's label has at most {MAX_LABEL}", label.len()));
    }
    if label.chars().any(char::is_control) {
        return bad("control characters are not allowed".into());
    }
    Ok(())
}

impl PasswordRules {
    /// The shortest and the longest password in bytes.
    pub fn length(self) -> (usize, usize) {
        match self {
            // CloudHSM: 7 to 32 characters
            PasswordRules::Cluster => (7, 32),
            PasswordRules::Token => (4, 255),
        }
    }

    /// Errors: `PinLength`, `PinCharacter`.
    pub fn check(self, password: &[u8]) -> Result<(), Error> {
        let (min, max) = self.length();
        if password.len() < min || password.len() > max {
            return Err(ClusterError::PinLength { min, max }.into());
        }
        if self == PasswordRules::Cluster && password.contains(&b':') {
            return Err(ClusterError::PinCharacter("`:` ends the user name in a PIN").into());
        }
        Ok(())
    }
}

/// A new password, checked against the users there are: its text before a `:` must not name one of them, or
/// it could never be given as a bare PIN. Errors: `PinLength`, `PinCharacter`.
pub(super) fn check_new(rules: PasswordRules, password: &[u8], names: &[&str]) -> Result<(), Error> {
    rules.check(password)?;
    match prefix(password) {
        Some((name, _)) if names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes())) => {
            Err(ClusterError::PinCharacter("the text before its `:` is a user's name").into())
        }
        _ => Ok(()),
    }
}

/// Why no user has this name.
pub(super) fn unknown(name: &str) -> ClusterError {
    match name.eq_ignore_ascii_case(APPLIANCE_USER) {
        true => ClusterError::Refused(format!(
            "{APPLIANCE_USER} is the HSMs' own user: nobody logs in as it, changes or deletes it"
        )),
        false => ClusterError::UserNotFound(name.into()),
    }
}

/// The user a name means.
pub(super) fn named<'a>(users: &'a [Maced<UserRecord>], name: &[u8]) -> Option<&'a Maced<UserRecord>> {
    users.iter().find(|user| user.unverified().name.as_bytes().eq_ignore_ascii_case(name))
}

/// The user a PIN means, and its password. Errors: `NoUser` where a bare PIN finds no user of that role;
/// `PinIncorrect` where it finds several, or the named user has another role.
pub(super) fn resolve<'a, 'p>(
    users: &'a [Maced<UserRecord>],
    default_user: Option<UserId>,
    role: Role,
    pin: &'p [u8],
) -> Result<(&'a Maced<UserRecord>, &'p [u8]), Error> {
    let user = prefix(pin).and_then(|(name, password)| Some((named(users, name)?, password)));
    match user {
        Some((user, _)) if user.unverified().role() != role => Err(ClusterError::PinIncorrect.into()),
        Some(found) => Ok(found),
        None => match bare(users, default_user, role) {
            Some(user) => Ok((user, pin)),
            None if users.iter().any(|user| user.unverified().role() == role) => {
                Err(ClusterError::PinIncorrect.into())
            }
            None => Err(ClusterError::NoUser.into()),
        },
    }
}

/// The password in a PIN that is this user's: a prefix that names another user is wrong.
pub(super) fn password_of<'p>(
    users: &[Maced<UserRecord>],
    id: UserId,
    pin: &'p [u8],
) -> Result<&'p [u8], Error> {
    match prefix(pin).and_then(|(name, password)| Some((named(users, name)?, password))) {
        Some((user, password)) if user.unverified().id() == id => Ok(password),
        Some(_) => Err(ClusterError::PinIncorrect.into()),
        None => Ok(pin),
    }
}

/// The user that a bare PIN belongs to.
pub(super) fn bare(
    users: &[Maced<UserRecord>],
    default_user: Option<UserId>,
    role: Role,
) -> Option<&Maced<UserRecord>> {
    let mut of_role = users.iter().filter(|user| user.unverified().role() == role);
    let chosen = of_role.clone().find(|user| match role {
        Role::Admin => user.unverified().name == ADMIN,
        Role::CryptoUser => Some(user.unverified().id()) == default_user,
    });
    chosen.or_else(|| of_role.next().filter(|_| of_role.next().is_none()))
}

fn prefix(pin: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = pin.iter().position(|&b| b == b':')?;
    Some((&pin[..colon], &pin[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(new_name("KmsUser").unwrap(), "kmsuser");
        assert_eq!(new_name("a_9").unwrap(), "a_9");
        assert!(new_name(&"x".repeat(31)).is_ok());
        let long = "x".repeat(32);
        for bad in ["", "a b", "a:b", "a-b", "\u{e9}", "APP_USER", &long] {
            assert!(new_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords() {
        let cluster = PasswordRules::Cluster;
        assert!(cluster.check(b"1234567").is_ok() && cluster.check(&[b'x'; 32]).is_ok());
        for bad in [&b"123456"[..], &[b'x'; 33], b"with:colon", b""] {
            assert!(cluster.check(bad).is_err());
        }
        let token = PasswordRules::Token;
        assert!(token.check(b"1:34").is_ok() && token.check(&[0; 255]).is_ok());
        assert!(token.check(b"123").is_err() && token.check(&[0; 256]).is_err());
        assert!(check_new(token, b"a:23", &["b"]).is_ok());
        assert!(check_new(token, b"A:23", &["b", "a"]).is_err());
    }

    #[test]
    fn labels() {
        assert!(check_label("").is_ok() && check_label("my token \u{e9}").is_ok());
        assert!(check_label(&"x".repeat(33)).is_err() && check_label("a\nb").is_err());
    }
}
