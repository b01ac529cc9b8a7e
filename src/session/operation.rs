//! Operations in progress, and the one place that decides how they end.
//!
//! A size query, an update and `BufferTooSmall` keep an operation; a finished one-shot or final call and every
//! other error end it (PKCS#11 3.0 sec. 5.8 to 5.13). What is expensive to make, an engine with its expanded
//! key, stays with the session when its operation ends, and serves the next one with the same live key.

use super::held::Held;
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::Mechanism;
use crate::profile::Limits;
use cryptoki_sys::CKA_ALWAYS_AUTHENTICATE;
use std::sync::Arc;

/// An engine and what it was made from.
pub struct Engine<T: ?Sized> {
    pub work: Box<T>,
    pub mechanism: &'static Mechanism,
    pub key: Option<(u64, Arc<Held>)>,
}

/// How far the active operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Idle,
    /// Initialized, nothing processed.
    Fresh,
    /// After an update: only further updates and the final call fit.
    Parts,
}

/// The place of one kind of operation in a session.
pub struct Place<T: ?Sized> {
    phase: Phase,
    /// The key may not be used so, which is told when it is.
    refused: bool,
    /// The key has CKA_ALWAYS_AUTHENTICATE: every operation with it needs a login of its own.
    guarded: bool,
    /// The active operation still does.
    waits: bool,
    engine: Option<Engine<T>>,
}

impl<T: ?Sized> Default for Place<T> {
    fn default() -> Self {
        Self { phase: Phase::Idle, refused: false, guarded: false, waits: false, engine: None }
    }
}

/// Which call is made on the active operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    OneShot,
    Update,
    Final,
}

/// What a step did, on success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// So many bytes were written.
    Written(usize),
    /// The caller asked how many bytes it would take.
    Size(usize),
}

impl Outcome {
    /// What belongs into the caller's length.
    pub fn bytes(self) -> usize {
        match self {
            Outcome::Written(n) | Outcome::Size(n) => n,
        }
    }
}

impl<T: ?Sized> Place<T> {
    pub fn is_active(&self) -> bool {
        self.must_be_active().is_ok()
    }

    /// Errors: `OperationActive`.
    pub fn must_be_idle(&self) -> Result<(), CallError> {
        if self.phase == Phase::Idle { Ok(()) } else { Err(CallError::OperationActive) }
    }

    /// Errors: `OperationNotInitialized`, also where the key of the operation is gone.
    pub fn must_be_active(&self) -> Result<(), CallError> {
        let key = self.engine.as_ref().and_then(|engine| engine.key.as_ref());
        match self.phase {
            Phase::Idle => Err(CallError::OperationNotInitialized),
            _ if key.is_some_and(|(_, held)| held.is_gone()) => Err(CallError::OperationNotInitialized),
            _ => Ok(()),
        }
    }

    /// The kept engine, if it was made by this mechanism with this key and the key is what it was.
    pub fn spare(&mut self, mechanism: &'static Mechanism, handle: u64) -> Option<&mut T> {
        let engine = self.engine.as_mut()?;
        let same = std::ptr::eq(engine.mechanism, mechanism)
            && engine.key.as_ref().is_some_and(|(h, held)| *h == handle && held.is_live());
        same.then_some(&mut *engine.work)
    }

    /// The kept engine of a mechanism that takes no key.
    pub fn spare_keyless(&mut self, mechanism: &'static Mechanism) -> Option<&mut T> {
        let engine = self.engine.as_mut()?;
        std::ptr::eq(engine.mechanism, mechanism).then_some(&mut *engine.work)
    }

    /// Starts an operation with the engine that is there.
    pub fn start(&mut self) {
        self.phase = Phase::Fresh;
        self.waits = self.guarded;
    }

    /// The active engine, and whether it was given parts: to save its state.
    pub fn active(&self) -> Option<(&Engine<T>, bool)> {
        let engine = self.engine.as_ref()?;
        self.is_active().then_some((engine, self.phase == Phase::Parts))
    }

    /// Starts an operation with a new engine that was given parts already, or not.
    pub fn resume_with(&mut self, engine: Engine<T>, in_parts: bool) {
        self.engine = Some(engine);
        self.phase = if in_parts { Phase::Parts } else { Phase::Fresh };
    }

    /// Starts an operation with a new engine.
    pub fn start_with(&mut self, engine: Engine<T>) {
        self.engine = Some(engine);
        self.refused = false;
        self.guarded = self.engine.as_ref().is_some_and(|engine| engine.key.as_ref().is_some_and(is_guarded));
        self.start();
    }

    /// Whether the active operation waits for C_Login with CKU_CONTEXT_SPECIFIC.
    pub fn waits_for_login(&self) -> bool {
        self.waits && self.is_active()
    }

    /// The user logged in for the active operation.
    pub fn authenticate(&mut self) {
        self.waits = false;
    }

    /// Lets the first use of the operation's key fail: CloudHSM's `--disable-validate-key-at-init`.
    pub fn refuse(&mut self) {
        self.refused = true;
    }

    /// What the profile asks of the operation.
    pub fn limits(&self) -> Limits {
        self.engine.as_ref().map_or(Limits::NONE, |engine| engine.mechanism.limits)
    }

    /// Ends the operation (C_SessionCancel, C_xxxInit with a null mechanism); `false` if there was none.
    pub fn cancel(&mut self) -> bool {
        std::mem::take(&mut self.phase) != Phase::Idle
    }

    /// Forgets everything, the engine and its key too.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets the engine if its key is no longer live (destroyed, changed, logged out) and no operation runs.
    pub fn drop_stale(&mut self) {
        if let Some(Engine { key: Some((_, held)), .. }) = &self.engine
            && (held.is_gone() || (self.phase == Phase::Idle && !held.is_live()))
        {
            self.clear();
        }
    }

    /// The mechanism of the engine that is there.
    pub fn mechanism(&self) -> Option<&'static Mechanism> {
        self.engine.as_ref().map(|engine| engine.mechanism)
    }

    /// A step that takes data and gives none.
    pub fn feed(&mut self, body: impl FnOnce(&mut T) -> Result<(), Error>) -> Result<(), Error> {
        let fed = self.run(Step::Update, |engine| {
            body(engine)?;
            Ok(Outcome::Written(0))
        });
        fed.map(drop)
    }

    /// Runs one step and decides what becomes of the operation.
    pub fn run(
        &mut self,
        step: Step,
        body: impl FnOnce(&mut T) -> Result<Outcome, Error>,
    ) -> Result<Outcome, Error> {
        self.run_or_ask(step, false, body)
    }

    /// As `run`; the step only `asks` how much room the result takes, which needs no login.
    pub fn run_or_ask(
        &mut self,
        step: Step,
        asks: bool,
        body: impl FnOnce(&mut T) -> Result<Outcome, Error>,
    ) -> Result<Outcome, Error> {
        if self.phase == Phase::Idle {
            return Err(CallError::OperationNotInitialized.into());
        }
        let phase = std::mem::take(&mut self.phase);
        let Some(engine) = self.engine.as_mut() else {
            return Err(CallError::OperationNotInitialized.into());
        };
        if engine.key.as_ref().is_some_and(|(_, held)| held.is_gone()) {
            self.engine = None;
            return Err(CallError::OperationNotInitialized.into());
        }
        if step == Step::OneShot && phase == Phase::Parts {
            return Err(CallError::OperationActive.into());
        }
        if self.waits && !asks {
            return Err(CallError::NotLoggedIn.into());
        }
        if self.refused {
            self.engine = None;
            return Err(MechanismError::KeyFunction.into());
        }
        if step != Step::OneShot && engine.mechanism.limits.single_part {
            return Err(MechanismError::Invalid(engine.mechanism.id).into());
        }
        let result = body(&mut engine.work);
        match (&result, step) {
            (Ok(Outcome::Size(_)) | Err(Error::BufferTooSmall { .. }), _) => self.phase = phase,
            (Ok(Outcome::Written(_)), Step::Update) => self.phase = Phase::Parts,
            (Ok(Outcome::Written(_)), _) => {}
            // An engine that failed may be in any state: it serves no further operation.
            (Err(_), _) => self.engine = None,
        }
        result
    }
}

fn is_guarded((_, held): &(u64, Arc<Held>)) -> bool {
    held.object.flag(CKA_ALWAYS_AUTHENTICATE)
}
