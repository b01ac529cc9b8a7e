//! CreateKey with Origin EXTERNAL_KEY_STORE: the proxy is asked what the external key is, then the key is committed. Nothing is made
//! outside, so there is nothing to take back.

use super::api::CreateKeyResponse;
use super::create_key::FoundStore;
use crate::error::{Exception, KmsError};
use crate::ids::{KeyId, StoreId};
use crate::kms::{Caller, Kms};
use crate::records::key::{KeyDetails, KeyRecord, Origin, StoredState, XksKeyOwner};
use crate::records::{NotDone, View, keys};
use crate::xks::api::{KeyMetadata, RequestMetadata};

const AES_256: &str = "AES_256";
const ENABLED: &str = "ENABLED";
/// KeyUsage of an external key that is fit.
const USAGES: [&str; 2] = ["ENCRYPT", "DECRYPT"];

impl Kms {
    /// Errors: `XksKeyAlreadyInUse`, `XksKeyInvalidConfiguration`, `XksKeyNotFound`, `CustomKeyStoreInvalidState`.
    pub(super) fn create_external_key(
        &self,
        caller: &Caller,
        id: &KeyId,
        details: KeyDetails,
        store: &FoundStore,
        xks_key_id: &str,
    ) -> Result<CreateKeyResponse, KmsError> {
        let (store_id, read) = store;
        self.view(|view| check_free(view, store_id, xks_key_id))?;
        self.check_external_key(caller, store, xks_key_id)?;
        let record = KeyRecord {
            origin: Origin::ExternalKeyStore,
            state: StoredState::Enabled,
            custom_key_store: Some(store_id.clone()),
            backing: Vec::new(),
            created_ms: self.now_ms(),
            rotation: None,
        };
        let external = self.new_external_key(id, xks_key_id)?;
        let owner = XksKeyOwner { key: *id.as_bytes() };
        let done = self.try_transact(|view| {
            check_free(view, store_id, xks_key_id)?;
            let change = self
                .with_new_key(view, id, &record, &details)?
                .create(keys::external_key(id), &external)?
                .create(keys::xks_key(store_id, xks_key_id), &owner)?;
            Ok((change, ()))
        });
        let is_there =
            || self.view(|view| view.get::<KeyRecord>(keys::key(id))).is_ok_and(|key| key.is_some());
        match done {
            Err(NotDone::Surely(error)) => return Err(error),
            Err(NotDone::Perhaps(error)) if !is_there() => return Err(error),
            Ok(()) | Err(NotDone::Perhaps(_)) => {}
        }
        let (store, xks_key_id) = (Some(&read.value), Some(xks_key_id.to_owned()));
        let key_metadata = self.key_metadata(id, &record, store, xks_key_id, details.description);
        Ok(CreateKeyResponse { key_metadata })
    }

    /// Whether the external key is there, and fit.
    fn check_external_key(
        &self,
        caller: &Caller,
        (id, store): &FoundStore,
        xks_key_id: &str,
    ) -> Result<(), KmsError> {
        let proxy = self.proxy_of(id, store.value.as_external()?)?;
        let request = caller.kms_request_id();
        let metadata = RequestMetadata {
            aws_principal_arn: Some(caller.principal.clone()),
            kms_operation: Some("CreateKey".into()),
            kms_request_id: Some(request.clone()),
            ..RequestMetadata::default()
        };
        let key =
            self.call_proxy(id, "GetKeyMetadata", || self.xks.key_metadata(&proxy, xks_key_id, &metadata));
        let key = key.map_err(|failure| {
            let detail = format!("{} (kmsRequestId {request}): {failure}", proxy.endpoint);
            failure.for_new_key().with_detail(detail)
        })?;
        check_fit(xks_key_id, &key)
    }
}

/// Errors: `XksKeyAlreadyInUse`.
fn check_free(view: &View, store: &StoreId, xks_key_id: &str) -> Result<(), KmsError> {
    match view.get::<XksKeyOwner>(keys::xks_key(store, xks_key_id))? {
        None => Ok(()),
        Some(owner) => {
            let owner = KeyId::from_bytes(owner.value.key);
            let message = format!(
                "The external key {xks_key_id} is already that of the KMS key {owner} in the custom key store {store}."
            );
            Err(KmsError::new(Exception::XksKeyAlreadyInUse, message))
        }
    }
}

/// Errors: `XksKeyInvalidConfiguration`, with what is not as it must be.
fn check_fit(xks_key_id: &str, key: &KeyMetadata) -> Result<(), KmsError> {
    let wrong = |what: &str, is: &str, wanted: &str| {
        let is = printable(is);
        let message = format!("The external key {xks_key_id} has the {what} {is}; a KMS key needs {wanted}.");
        Err(KmsError::new(Exception::XksKeyInvalidConfiguration, message))
    };
    let KeyMetadata { key_spec, key_usage, key_status } = key;
    if key_spec != AES_256 {
        return wrong("key spec", key_spec, AES_256);
    }
    if !USAGES.iter().all(|usage| key_usage.iter().any(|has| has == usage)) {
        return wrong("key usage", &key_usage.join(", "), &USAGES.join(" and "));
    }
    if key_status != ENABLED {
        return wrong("key status", key_status, ENABLED);
    }
    Ok(())
}

/// A proxy's text, fit to be shown.
fn printable(text: &str) -> String {
    const CHARS_MAX: usize = 128;
    let shown: String = text.chars().take(CHARS_MAX).collect();
    match shown.is_empty() {
        true => "(none)".into(),
        false => shown.replace(|char| !matches!(char, ' '..='~'), "?"),
    }
}
