//! C_Login and its kin (PKCS#11 3.0 sec. 5.6 and 5.5.6 to 5.5.8).

use super::{LoginState, Session};
use crate::cluster::Role;
use crate::error::{CallError, ClusterError, Error};
use cryptoki_sys::{CKR_PIN_INCORRECT, CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER};

/// A CK_USER_TYPE that is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    SecurityOfficer,
    User,
    ContextSpecific,
}

impl UserType {
    /// Errors: `UserTypeInvalid`.
    pub fn parse(user_type: u64) -> Result<Self, CallError> {
        match user_type {
            CKU_SO => Ok(UserType::SecurityOfficer),
            CKU_USER => Ok(UserType::User),
            CKU_CONTEXT_SPECIFIC => Ok(UserType::ContextSpecific),
            other => Err(CallError::UserTypeInvalid(other)),
        }
    }
}

/// What a login proves itself with.
#[derive(Clone, Copy)]
pub enum Pin<'a> {
    /// C_Login: `user:password`, or a bare PIN.
    Text(&'a [u8]),
    /// C_LoginUser: the user named outright.
    Named { user: &'a str, password: &'a [u8] },
}

impl Session {
    /// C_Login, C_LoginUser. The SO's login needs that no read-only session is open.
    pub fn log_in(&self, user_type: UserType, pin: Pin<'_>) -> Result<(), Error> {
        let role = match user_type {
            UserType::SecurityOfficer if !self.slot.active.rules.security_officer => {
                return Err(CallError::UserTypeInvalid(CKU_SO).into());
            }
            UserType::SecurityOfficer => Role::Admin,
            UserType::User => Role::CryptoUser,
            UserType::ContextSpecific => return self.authenticate_operation(pin),
        };
        let cluster = self.slot.cluster()?;
        self.slot.may_log_in(role)?;
        // Held to the end, so that no read-only session is opened while the SO logs in.
        let mut counts = (role == Role::Admin).then(|| self.slot.counts.lock());
        if counts.as_ref().is_some_and(|c| c.read_only > 0) {
            return Err(CallError::ReadOnlySessionExists.into());
        }
        if let Some(name) = name_in(pin) {
            self.must_be_here(name)?;
        }
        let login = match pin {
            Pin::Text(pin) if self.slot.active.rules.bare_pins => {
                self.slot.clusters.login(&cluster, role, pin)?
            }
            Pin::Text(pin) => {
                let (user, password) = named(pin)?;
                self.slot.clusters.login_as(&cluster, Some(role), user, password)?
            }
            Pin::Named { user, password } => {
                self.slot.clusters.login_as(&cluster, Some(role), user, password)?
            }
        };
        self.must_be_here(&login.user.name)?;
        // The last session that closes logs out, under this lock: so it comes before or after, but not amid.
        let _counts = counts.take().unwrap_or_else(|| self.slot.counts.lock());
        if self.is_closed() {
            return Err(CallError::SessionHandleInvalid(self.handle).into());
        }
        Ok(self.slot.log_in(role, login)?)
    }

    /// Whether a user is the same on this HSM as on the others, or a fault plan has it otherwise: no password is right
    /// then, and none is tried. Errors: `Injected`.
    fn must_be_here(&self, user: &str) -> Result<(), Error> {
        match self.slot.drift(user) {
            Some(_) => Err(CallError::Injected(CKR_PIN_INCORRECT).into()),
            None => Ok(()),
        }
    }

    /// C_Login with CKU_CONTEXT_SPECIFIC (PKCS#11 3.0 sec. 4.10): for the operations of this session whose keys have
    /// CKA_ALWAYS_AUTHENTICATE. A wrong PIN counts as at any login, and changes nothing about the operation. Errors:
    /// `OperationNotInitialized` where none waits, those of a login.
    fn authenticate_operation(&self, pin: Pin<'_>) -> Result<(), Error> {
        if !self.state().waits_for_login() {
            return Err(CallError::OperationNotInitialized.into());
        }
        let LoginState::User(login) = self.slot.login_state() else {
            return Err(CallError::NotLoggedIn.into());
        };
        let own = login.user.name.as_str();
        let password = match pin {
            Pin::Named { user, password } if user == own => password,
            Pin::Named { .. } => return Err(ClusterError::PinIncorrect.into()),
            Pin::Text(pin) if self.slot.active.rules.bare_pins => without_name(pin, own),
            Pin::Text(pin) => match named(pin)? {
                (user, password) if user == own => password,
                _ => return Err(ClusterError::PinIncorrect.into()),
            },
        };
        self.must_be_here(own)?;
        let cluster = self.slot.cluster()?;
        self.slot.clusters.login_as(&cluster, Some(Role::CryptoUser), own, password)?;
        self.state().authenticate();
        Ok(())
    }

    /// C_Logout: ends what needs the login. Engines of other sessions are the library's to clear.
    pub fn log_out(&self) -> Result<(), Error> {
        self.slot.log_out()?;
        Ok(())
    }

    /// C_InitPIN (sec. 5.5.7): by the SO.
    pub fn init_pin(&self, pin: &[u8]) -> Result<(), Error> {
        match self.slot.login_state() {
            LoginState::SecurityOfficer(admin) => {
                self.slot.clusters.init_pin(&*self.slot.cluster()?, &admin, pin)
            }
            _ => Err(CallError::NotLoggedIn.into()),
        }
    }

    /// C_SetPIN (sec. 5.5.8): of who is logged in, else of the user.
    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> Result<(), Error> {
        self.must_write()?;
        let login = match self.slot.login_state() {
            LoginState::Public => None,
            LoginState::User(login) | LoginState::SecurityOfficer(login) => Some(login),
        };
        self.slot.clusters.set_pin(&*self.slot.cluster()?, login.as_deref(), old, new)
    }
}

/// The password of a PIN that may have its user's name in front.
fn without_name<'p>(pin: &'p [u8], name: &str) -> &'p [u8] {
    pin.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b":")).unwrap_or(pin)
}

/// The user that a PIN may name.
fn name_in<'p>(pin: Pin<'p>) -> Option<&'p str> {
    match pin {
        Pin::Named { user, .. } => Some(user),
        Pin::Text(pin) => named(pin).ok().map(|(user, _)| user),
    }
}

// CloudHSM: a PIN is `user:password`, cut at its first `:`.
fn named(pin: &[u8]) -> Result<(&str, &[u8]), Error> {
    let colon = pin.iter().position(|&byte| byte == b':').ok_or(ClusterError::PinIncorrect)?;
    let user = std::str::from_utf8(&pin[..colon]).map_err(|_| ClusterError::PinIncorrect)?;
    Ok((user, &pin[colon + 1..]))
}
