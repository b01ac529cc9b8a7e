//! The use of keys in external key stores: encrypted by KMS first, then by the proxy (reference/xks-proxy.md sec. 10).

use super::ciphertext::external::{External, Header};
use super::common::Usable;
use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::keys::external::Material;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::store::StoreRecord;
use crate::records::{Read, keys};
use crate::wire::{Blob, EncryptionContext, SecretBlob};
use crate::xks::api::RequestMetadata;
use crate::xks::{Proxy, ProxyFailure};
use std::sync::Arc;

/// A key whose other half is behind a proxy, for one request.
pub(super) struct Outside<'a> {
    kms: &'a Kms,
    key: &'a Usable,
    store: &'a StoreId,
    proxy: Arc<Proxy>,
    material: Arc<Material>,
    metadata: RequestMetadata,
}

impl Kms {
    /// Of a key of Origin EXTERNAL_KEY_STORE whose state allows the operation.
    pub(super) fn outside<'a>(
        &'a self,
        caller: &Caller,
        operation: Operation,
        key: &'a Usable,
        store: &'a StoreId,
    ) -> Result<Outside<'a>, KmsError> {
        let read: Option<Read<StoreRecord>> = self.view(|view| view.get(keys::store(store)))?;
        let read = read.ok_or_else(|| KmsError::internal(format!("{store} is gone, and has a key")))?;
        let proxy = self.proxy_of(store, read.value.as_external()?)?;
        let material = self.material_of(&key.id)?;
        let metadata = RequestMetadata {
            aws_principal_arn: Some(caller.principal.clone()),
            kms_key_arn: Some(self.key_arn(&key.id)),
            kms_operation: Some(operation.name().into()),
            kms_request_id: Some(caller.kms_request_id()),
            ..RequestMetadata::default()
        };
        Ok(Outside { kms: self, key, store, proxy, material, metadata })
    }
}

impl Outside<'_> {
    pub fn encrypt(&self, context: &EncryptionContext, plaintext: &[u8]) -> Result<Blob, KmsError> {
        let Self { kms, proxy, material, metadata, .. } = self;
        let header = Header::new(&self.key.id);
        let inner = material.seal(&header.inner_aad(context), plaintext)?;
        let aad = header.outer_aad(context);
        let sealed = kms.call_proxy(self.store, "Encrypt", || {
            kms.xks.encrypt(proxy, &material.xks_key_id, metadata, &inner, &aad)
        });
        Ok(header.blob(&sealed.map_err(|failure| self.told(&failure))?))
    }

    pub fn decrypt(
        &self,
        ciphertext: &External,
        context: &EncryptionContext,
    ) -> Result<SecretBlob, KmsError> {
        let Self { kms, proxy, material, metadata, .. } = self;
        let External { header, sealed } = ciphertext;
        let aad = header.outer_aad(context);
        let inner = kms.call_proxy(self.store, "Decrypt", || {
            kms.xks.decrypt(proxy, &material.xks_key_id, metadata, sealed, &aad)
        });
        let inner = inner.map_err(|failure| self.told(&failure))?;
        let opened = material.open(&header.inner_aad(context), &inner);
        opened.map(SecretBlob).ok_or_else(|| {
            let message = "The external key store proxy answered a plaintext that is not what KMS had it encrypt. Verify \
                           that the external key still has the key material that the ciphertext was made with.";
            self.with_request(KmsError::new(Exception::KmsInvalidState, message))
        })
    }

    fn told(&self, failure: &ProxyFailure) -> KmsError {
        self.with_request(failure.for_use())
    }

    /// The log names the request as the proxy's log does.
    fn with_request(&self, error: KmsError) -> KmsError {
        let request = self.metadata.kms_request_id.as_deref().unwrap_or_default();
        let what = error.detail.as_deref().unwrap_or("the inner encryption does not open");
        let detail = format!("{} (kmsRequestId {request}): {what}", self.proxy.endpoint);
        error.with_detail(detail)
    }
}
