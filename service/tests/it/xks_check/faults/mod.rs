//! The faults of proxies, and what each of them makes fail. A check that fails by none of them could as well be left out.

mod answers;
mod crypto;
mod requests;

pub use answers::{errors, health, keys};
pub use crypto::{decrypting, encrypting};
pub use requests::{metadata, signatures, transport};

use super::relay::{Answered, Asked, Spoil, SpoilAnswer};
use serde_json::Value;

pub struct Fault {
    pub what: &'static str,
    pub ask: Spoil,
    pub answer: SpoilAnswer,
    /// The checks that fail, or warn.
    pub found_by: &'static [&'static str],
}

type Found = &'static [&'static str];

/// A fault in how requests are taken.
pub fn ask(
    what: &'static str,
    spoil: impl Fn(&mut Asked) -> Option<Answered> + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    Fault { what, ask: Box::new(spoil), answer: Box::new(|_, _| {}), found_by }
}

/// A fault that refuses what is right.
pub fn refuse(
    what: &'static str,
    wrongly: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    (status, name): (u16, &'static str),
    found_by: Found,
) -> Fault {
    ask(what, move |asked| wrongly(asked).then(|| Answered::error(status, name))?, found_by)
}

/// A fault that takes what is not signed right.
fn sign(
    what: &'static str,
    wrongly: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    let spoil = move |asked: &mut Asked| {
        if wrongly(asked) {
            asked.sign();
        }
        None
    };
    ask(what, spoil, found_by)
}

/// A fault in what is understood of a request's body.
fn change(what: &'static str, change: impl Fn(&mut Value) + Send + Sync + 'static, found_by: Found) -> Fault {
    let spoil = move |asked: &mut Asked| {
        asked.change(&change);
        None
    };
    ask(what, spoil, found_by)
}

/// A fault in answers.
pub fn answer(
    what: &'static str,
    spoil: impl Fn(&Asked, &mut Answered) + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    Fault { what, ask: Box::new(|_| None), answer: Box::new(spoil), found_by }
}

const AUTHENTICATION: (u16, &str) = (401, "AuthenticationFailedException");
const VALIDATION: (u16, &str) = (400, "ValidationException");
const INTERNAL: (u16, &str) = (500, "InternalException");

/// As `change`, for one path alone.
fn change_for(
    what: &'static str,
    path: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    let spoil = move |asked: &mut Asked| {
        if asked.is(path) {
            asked.change(&change);
        }
        None
    };
    ask(what, spoil, found_by)
}

/// Another value of a member that is there.
fn member(answered: &mut Answered, name: &str, value: Value) {
    if answered.json().get(name).is_some() {
        answered.change(|body| body[name] = value);
    }
}
