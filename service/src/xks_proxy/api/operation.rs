//! An operation's course. In this order: the request's form; whether the key store works and has the key; whether the caller
//! may; whether the key is enabled; sizes; the rate; the HSM. So nobody learns of a key by an operation that he may not do.

use super::aad;
use super::error::{ErrorName, ProxyError};
use super::failure::{self, Doing};
use super::request::{Asked, Decrypt, Encrypt};
use super::response;
use super::{Call, Record};
use crate::xks_proxy::health;
use crate::xks_proxy::hsms::{CdivInput, HsmFailure, KeyFacts, Outcome, Work};
use crate::xks_proxy::key_set::Membership;
use crate::xks_proxy::policy::Question;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

type Body = Zeroizing<Vec<u8>>;

/// A response's body.
pub async fn run(call: &Call<'_>, record: &mut Record) -> Result<Body, ProxyError> {
    let begun = Instant::now();
    let asked = Asked::parse(call.api, call.body, record);
    record.parsed = Some(begun.elapsed());
    let asked = asked?;
    if !call.store.settings.enabled {
        return Err(ProxyError::new(ErrorName::InvalidState, "The external key store is disabled."));
    }
    if let Asked::Health = asked {
        let status = call.store.hsms.status_of(&call.store.groups);
        return Ok(response::healthy(&health::fleet(&status, call.current.settings.fleet_size)));
    }
    // The path of each other operation has one.
    let key_id = call.key_id.unwrap_or_default();
    let membership = membership(call, key_id)?;
    authorize(call, key_id, record)?;
    let turn = Turn { call, key_id, membership, record };
    match asked {
        Asked::Encrypt(asked) => turn.encrypt(asked).await,
        Asked::Decrypt(asked) => turn.decrypt(asked).await,
        Asked::Metadata | Asked::Health => turn.describe().await,
    }
}

/// Errors: the key store has no such key.
fn membership(call: &Call<'_>, key_id: &str) -> Result<Membership, ProxyError> {
    let store = call.store;
    let refuse = |detail| Err(no_key().with_detail(detail));
    match store.keys.has(key_id) {
        Membership::No => refuse("`keys.allowed` of the key store has no pattern for it"),
        _ if store.hsms.is_probe(&store.groups, key_id) => refuse("it is the probe's key"),
        membership => Ok(membership),
    }
}

fn no_key() -> ProxyError {
    ProxyError::new(ErrorName::KeyNotFound, "The external key store has no such external key.")
}

fn authorize(call: &Call<'_>, key_id: &str, record: &mut Record) -> Result<(), ProxyError> {
    let Some(policy) = &call.store.policy else { return Ok(()) };
    let begun = Instant::now();
    let verdict = policy.judge(&Question {
        api: call.api,
        key_id,
        key_store: &call.store.settings.name,
        uri_path_prefix: &call.store.settings.path_prefix,
        record,
    });
    record.authorized = Some(begun.elapsed());
    record.rule = Some(verdict.rule);
    match verdict.is_allowed {
        true => Ok(()),
        // One that cannot be evaluated denies too: the specification's InvalidStateException is for keys and key stores.
        false => Err(ProxyError {
            detail: verdict.trouble,
            ..ProxyError::new(ErrorName::AccessDenied, "The policy of the external key store denies this.")
        }),
    }
}

/// A request that may be carried out.
struct Turn<'c, 'r> {
    call: &'c Call<'c>,
    key_id: &'c str,
    membership: Membership,
    record: &'r mut Record,
}

impl Turn<'_, '_> {
    async fn describe(mut self) -> Result<Body, ProxyError> {
        self.admit()?;
        let facts = self.facts().await?;
        self.must_be_of_the_set(&facts)?;
        Ok(response::described(&facts, self.call.store.keys.is_disabled(self.key_id)))
    }

    async fn encrypt(mut self, asked: Encrypt) -> Result<Body, ProxyError> {
        self.must_be_enabled()?;
        self.check_size(
            "plaintext",
            asked.plaintext.len(),
            self.call.current.settings.limits.plaintext_bytes,
        )?;
        self.check_aad(asked.aad.as_deref())?;
        self.admit()?;
        self.check_set().await?;
        let metadata = &self.call.store.settings.ciphertext_metadata;
        let aad = asked.aad.unwrap_or_default();
        let framed = aad::plain(&aad, metadata);
        let cdiv = asked.wants_cdiv.then(|| CdivInput { aad, ciphertext_metadata: metadata.clone() });
        let work = Work::Encrypt { plaintext: asked.plaintext, aad: framed, cdiv };
        match self.work(work, Doing::Encrypting).await? {
            Outcome::Sealed(sealed) => Ok(response::encrypted(&sealed, metadata)),
            _ => Err(mixed_up()),
        }
    }

    async fn decrypt(mut self, asked: Decrypt) -> Result<Body, ProxyError> {
        self.must_be_enabled()?;
        asked.check_lengths()?;
        self.check_size(
            "ciphertext",
            asked.ciphertext.len(),
            self.call.current.settings.limits.plaintext_bytes,
        )?;
        self.check_aad(asked.aad.as_deref())?;
        self.admit()?;
        self.check_set().await?;
        let reference = self.call.store.settings.decrypts_reference_aad;
        let aads = aad::to_try(asked.aad.as_deref(), &asked.ciphertext_metadata, reference);
        let work = Work::Decrypt { ciphertext: asked.ciphertext, iv: asked.iv, tag: asked.tag, aads };
        match self.work(work, Doing::Decrypting).await? {
            Outcome::Plaintext(plaintext) => Ok(response::decrypted(&plaintext)),
            _ => Err(mixed_up()),
        }
    }

    fn must_be_enabled(&self) -> Result<(), ProxyError> {
        match self.call.store.keys.is_disabled(self.key_id) {
            true => Err(ProxyError::new(ErrorName::InvalidState, "The external key is disabled.")),
            false => Ok(()),
        }
    }

    fn check_aad(&self, aad: Option<&[u8]>) -> Result<(), ProxyError> {
        let most = self.call.current.settings.limits.aad_bytes;
        self.check_size("additionalAuthenticatedData", aad.map_or(0, <[u8]>::len), most)
    }

    /// More than the specification demands, and than is supported.
    fn check_size(&self, name: &str, bytes: usize, most: usize) -> Result<(), ProxyError> {
        if bytes <= most {
            return Ok(());
        }
        let message = format!("{name} has {bytes} bytes: at most {most} are supported here.");
        Err(ProxyError::new(ErrorName::UnsupportedOperation, message))
    }

    /// The rate. What is refused before is not counted: it costs nothing.
    fn admit(&self) -> Result<(), ProxyError> {
        match &self.call.store.rate_limit {
            Some(limit) if !limit.admits() => {
                let message =
                    "The external key store had more requests than it takes in a second: try again later.";
                Err(ProxyError::new(ErrorName::Throttling, message))
            }
            _ => Ok(()),
        }
    }

    /// Where the set is all AES-256 keys: that this is one. What was seen is believed for a while.
    async fn check_set(&mut self) -> Result<(), ProxyError> {
        let keys = &self.call.store.keys;
        let now = Instant::now();
        if self.membership == Membership::Named || keys.was_aes_256(self.key_id, now) {
            return Ok(());
        }
        let facts = self.facts().await?;
        self.must_be_of_the_set(&facts)?;
        keys.is_aes_256(self.key_id, now);
        Ok(())
    }

    fn must_be_of_the_set(&self, facts: &KeyFacts) -> Result<(), ProxyError> {
        if self.membership == Membership::Named || facts.key_type == "AES" && facts.bits == 256 {
            return Ok(());
        }
        let KeyFacts { key_type, bits, .. } = facts;
        Err(no_key().with_detail(format!("it is {key_type}_{bits}, and `keys.allowed` does not name it")))
    }

    async fn facts(&mut self) -> Result<KeyFacts, ProxyError> {
        match self.work(Work::Describe, Doing::Describing).await? {
            Outcome::Facts(facts) => Ok(facts),
            _ => Err(mixed_up()),
        }
    }

    async fn work(&mut self, work: Work, doing: Doing) -> Result<Outcome, ProxyError> {
        let Call { store, deadline, .. } = self.call;
        let done = store.hsms.run(&store.groups, self.key_id, work, *deadline).await;
        let record = &mut *self.record;
        let add = |so_far: &mut Option<Duration>, more| *so_far = Some(so_far.unwrap_or_default() + more);
        add(&mut record.queued, done.queued);
        add(&mut record.worked, done.worked);
        record.hsm = done.hsm.or_else(|| record.hsm.take());
        done.outcome.map_err(|failure: HsmFailure| failure::answer(&failure, doing))
    }
}

/// HSMs answer what they were asked.
fn mixed_up() -> ProxyError {
    ProxyError::new(ErrorName::Internal, "The HSM answered something else.")
}
