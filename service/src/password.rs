//! Passwords: from the command line, a file or standard input; wiped when they are no longer needed.

use crate::failure::Failure;
use crate::output::role_name;
use std::convert::Infallible;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use vhsm_pkcs11::cluster::{APPLIANCE_USER, Cluster, Clusters, Login, Role};
use vhsm_pkcs11::crypto::random;
use zeroize::{Zeroize, Zeroizing};

/// More than any password file has.
const MAX_FILE_BYTES: u64 = 4096;
/// Letters and digits that nobody takes for another; 32 of them, so that a random byte gives one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 100 random bits.
const RANDOM_CHARS: usize = 20;

/// A password, or a user with its password: shown nowhere, wiped when dropped.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl FromStr for SecretText {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl SecretText {
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Where a new password comes from.
pub struct NewPassword<'a> {
    pub text: Option<&'a SecretText>,
    pub file: Option<&'a Path>,
}

impl NewPassword<'_> {
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match (self.text, self.file) {
            (Some(text), _) => Ok(Zeroizing::new(text.bytes().to_vec())),
            (None, Some(file)) if file == Path::new("-") => {
                first_line(&mut std::io::stdin().lock(), "standard input")
            }
            (None, Some(file)) => {
                let name = file.display().to_string();
                let mut opened = std::fs::File::open(file)
                    .map_err(|e| Failure::new(format!("password file {name}: {e}")))?;
                first_line(&mut opened, &name)
            }
            (None, None) => Err(Failure::new("a password is missing: give --password or --password-file")),
        }
    }
}

/// The first line, without its end: editors put one behind every password.
fn first_line(file: &mut dyn Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::new(format!("password file {name}: {e}")))?;
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len());
    bytes[end..].zeroize();
    bytes.truncate(end);
    if bytes.is_empty() {
        return Err(Failure::new(format!(
            "password file {name}: its first line is empty; write the password there"
        )));
    }
    Ok(bytes)
}

/// The login that was given: by `--pin`, VHSM_PIN or, as for the CloudHSM CLI, CLOUDHSM_PIN with CLOUDHSM_ROLE.
pub struct Given {
    pub name: String,
    pub password: Zeroizing<Vec<u8>>,
    /// CLOUDHSM_ROLE, where CLOUDHSM_PIN is meant.
    role: Option<Role>,
}

impl Given {
    /// Errors where CLOUDHSM_ROLE says otherwise.
    pub fn check_role(&self, role: Role) -> Result<(), Failure> {
        match self.role {
            Some(said) if said != role => Err(Failure::new(format!(
                "CLOUDHSM_ROLE says {}, and user {:?} is {}: set it to the user's role, or unset it",
                role_name(said),
                self.name,
                role_name(role)
            ))),
            _ => Ok(()),
        }
    }
}

/// Reads the login that was given. `who`: whose login the command needs.
pub fn given(pin: Option<&SecretText>, who: &str) -> Result<Given, Failure> {
    let own = pin.filter(|pin| !pin.bytes().is_empty());
    let theirs = std::env::var("CLOUDHSM_PIN").ok().filter(|pin| own.is_none() && !pin.is_empty());
    let theirs = theirs.map(|pin| SecretText(Zeroizing::new(pin)));
    let role = if theirs.is_some() { cloudhsm_role()? } else { None };
    let pin = own.or(theirs.as_ref()).map(SecretText::bytes).ok_or_else(|| {
        Failure::new(format!(
            "this needs the login of {who}: set VHSM_PIN=user:password, or give --pin user:password"
        ))
    })?;
    let colon = pin.iter().position(|&byte| byte == b':');
    let split = colon.and_then(|colon| Some((std::str::from_utf8(&pin[..colon]).ok()?, &pin[colon + 1..])));
    let (name, password) = split.ok_or_else(|| {
        Failure::new("the login has no `:`: write the user's name, `:` and its password, in --pin, VHSM_PIN or CLOUDHSM_PIN")
    })?;
    if name.eq_ignore_ascii_case(APPLIANCE_USER) {
        return Err(appliance_user());
    }
    Ok(Given { name: name.to_owned(), password: Zeroizing::new(password.to_vec()), role })
}

/// Why nothing is done with that user.
pub fn appliance_user() -> Failure {
    Failure::new(format!(
        "{APPLIANCE_USER} is the HSMs' own user: nobody logs in as it, changes or deletes it"
    ))
}

fn cloudhsm_role() -> Result<Option<Role>, Failure> {
    match std::env::var("CLOUDHSM_ROLE").ok().as_deref() {
        None | Some("") => Ok(None),
        Some("admin") => Ok(Some(Role::Admin)),
        Some("crypto-user") => Ok(Some(Role::CryptoUser)),
        Some(other) => {
            Err(Failure::new(format!("CLOUDHSM_ROLE={other}: there are the roles admin and crypto-user")))
        }
    }
}

/// Logs in as it was given. `who`: whose login the command needs.
pub fn login(
    clusters: &Clusters,
    cluster: &Cluster,
    pin: Option<&SecretText>,
    who: &str,
) -> Result<Login, Failure> {
    let given = given(pin, who)?;
    let login = clusters.login_as(cluster, None, &given.name, &given.password)?;
    given.check_role(login.user.role)?;
    Ok(login)
}

/// A new random password: letters and digits.
pub fn random() -> Result<Zeroizing<String>, Failure> {
    let bytes: Zeroizing<[u8; RANDOM_CHARS]> = Zeroizing::new(random::array()?);
    Ok(Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        for (file, expected) in
            [(&b"secret-1"[..], &b"secret-1"[..]), (b"a\r\nb\n", b"a"), (b" x \n", b" x ")]
        {
            assert_eq!(first_line(&mut &file[..], "f").ok().unwrap().as_slice(), expected);
        }
        assert!(first_line(&mut &b"\nsecret"[..], "f").is_err());
    }

    #[test]
    fn random_passwords_fit_the_rules() {
        let password = random().ok().unwrap();
        assert_eq!(password.len(), RANDOM_CHARS);
        assert!(password.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(*password, *random().ok().unwrap());
    }
}
