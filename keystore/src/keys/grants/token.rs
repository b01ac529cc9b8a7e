//! Grant tokens: opaque, unforgeable, another one at each CreateGrant. They name their grant, and nothing of them is stored.

use crate::error::{Exception, KmsError};
use crate::ids::KeyId;
use crate::kms::Kms;
use crate::records::key::GrantRecord;
use crate::records::{Read, View, keys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PURPOSE: &str = "kms grant token";

/// A grant, as its token names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Named {
    pub key: [u8; 16],
    pub grant_id: String,
    /// Of the grant: a grant of the same ID that is made later is another.
    pub created_ms: u64,
}

impl Kms {
    /// Errors: `InvalidGrantToken`: not a token of a grant that there is. Without tokens nothing is read.
    pub(crate) fn check_grant_tokens(&self, view: &View, tokens: Option<&[String]>) -> Result<(), KmsError> {
        tokens.unwrap_or_default().iter().try_for_each(|token| self.granted(view, token).map(drop))
    }

    pub(super) fn grant_token(&self, named: &Named) -> Result<String, KmsError> {
        let plain = postcard::to_allocvec(named)
            .map_err(|error| KmsError::internal(format!("a grant token cannot be written: {error}")))?;
        let sealed = self.sealer.seal(PURPOSE, &[], &plain).map_err(KmsError::internal)?;
        Ok(STANDARD.encode(sealed))
    }

    /// The grant of a token. Errors: `InvalidGrantToken`.
    pub(super) fn granted(&self, view: &View, token: &str) -> Result<(Named, Read<GrantRecord>), KmsError> {
        let sealed = STANDARD.decode(token).ok();
        let plain = sealed.and_then(|sealed| self.sealer.open(PURPOSE, &[], &sealed));
        let named: Option<Named> = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
        let Some(named) = named else { return Err(invalid()) };
        let grant = view.get::<GrantRecord>(keys::grant(&KeyId::from_bytes(named.key), &named.grant_id))?;
        match grant.filter(|grant| grant.value.created_ms == named.created_ms) {
            Some(grant) => Ok((named, grant)),
            None => Err(invalid()),
        }
    }
}

fn invalid() -> KmsError {
    KmsError::new(Exception::InvalidGrantToken, "The grant token is not valid.")
}
