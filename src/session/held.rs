//! Objects as sessions hold them: opened, with a flag that says whether they still are what the store says.

use super::message_nonces::SeriesOf;
use crate::error::CallError;
use crate::object::Object;
use cryptoki_sys::{CKA_ALWAYS_AUTHENTICATE, CKA_TOKEN};
use std::sync::atomic::{AtomicU8, Ordering};

/// An opened object. Its state is read on the hot path, and written once.
#[repr(align(128))]
pub struct Held {
    pub object: Object,
    state: AtomicU8,
    /// The nonces that were made for messages under this key.
    pub(super) series: SeriesOf,
}

const LIVE: u8 = 0;
const REPLACED: u8 = 1;
const GONE: u8 = 2;

impl Held {
    pub fn new(object: Object) -> Self {
        let series = SeriesOf::new(object.flag(CKA_TOKEN));
        Self { object, state: AtomicU8::new(LIVE), series }
    }

    /// A copy, or what takes the place of `source` when its attributes change.
    pub fn of_same_key(object: Object, source: &Held) -> Self {
        Self { object, state: AtomicU8::new(LIVE), series: source.series.shared() }
    }

    /// The object is as the store has it: what was derived from it may be used for new operations.
    pub fn is_live(&self) -> bool {
        self.state.load(Ordering::Acquire) == LIVE
    }

    /// The object was destroyed, or its user logged out: operations in progress with it end.
    pub fn is_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) == GONE
    }

    /// Its attributes were changed: operations in progress go on, new ones take the new object.
    pub fn mark_replaced(&self) {
        self.state.fetch_max(REPLACED, Ordering::AcqRel);
    }

    pub fn mark_gone(&self) {
        self.state.store(GONE, Ordering::Release);
    }
}

/// Whether a key may be used by a call that has no C_xxxInit before it, after which its user could log in for it.
/// Errors: `NotLoggedIn` where its CKA_ALWAYS_AUTHENTICATE asks for that.
pub(super) fn must_not_authenticate(held: &Held) -> Result<(), CallError> {
    match held.object.flag(CKA_ALWAYS_AUTHENTICATE) {
        true => Err(CallError::NotLoggedIn),
        false => Ok(()),
    }
}
