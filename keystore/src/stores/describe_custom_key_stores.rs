//! DescribeCustomKeyStores: in the order of their ids.

use super::api::{
    CustomKeyStoresListEntry, DescribeCustomKeyStoresRequest, DescribeCustomKeyStoresResponse,
    XksProxyConfiguration,
};
use super::find::not_found;
use super::members::NAME;
use super::register::named;
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::page::{self, Page};
use crate::records::store::{ConnectionState, Connectivity, ExternalStore, StoreKind, StoreRecord};
use crate::records::{View, keys};
use crate::validate::{CUSTOM_KEY_STORE_ID, Check, LIMIT, invalid};
use crate::wire::Timestamp;

/// Without Limit.
const DEFAULT_LIMIT: usize = 100;

impl Kms {
    pub fn describe_custom_key_stores(
        &self,
        _caller: &Caller,
        request: &DescribeCustomKeyStoresRequest,
    ) -> Result<DescribeCustomKeyStoresResponse, KmsError> {
        let (id, name) = (request.custom_key_store_id.as_deref(), request.custom_key_store_name.as_deref());
        let mut check = Check::default();
        check.text("customKeyStoreId", id, &CUSTOM_KEY_STORE_ID);
        check.text("customKeyStoreName", name, &NAME);
        check.page(request.limit, request.marker.as_deref(), *LIMIT.end());
        check.finish()?;
        self.view(|view| match (id, name) {
            (None, None) => self.list_stores(view, request),
            (Some(id), None) => {
                let (id, read) = self.custom_key_store(view, id)?;
                Ok(one(self.entry(id.0, read.value)))
            }
            (None, Some(name)) => {
                let (id, record) = named(view, name)?.ok_or_else(|| not_found(&format!("named {name}")))?;
                Ok(one(self.entry(id.0, record)))
            }
            (Some(_), Some(_)) => {
                Err(invalid("CustomKeyStoreId and CustomKeyStoreName cannot be given together."))
            }
        })
    }

    fn list_stores(
        &self,
        view: &View,
        request: &DescribeCustomKeyStoresRequest,
    ) -> Result<DescribeCustomKeyStoresResponse, KmsError> {
        let (from, to) = keys::stores();
        let start = page::start(keys::STORE, request.marker.as_deref(), &from, &to)?;
        let mut page = Page::new(request.limit, DEFAULT_LIMIT);
        view.range(&start, &to, |key, record: StoreRecord| {
            // Behind the byte of its kind, the key is the id.
            let id = String::from_utf8_lossy(&key[from.len()..]).into_owned();
            Ok(page.push(key, self.entry(id, record)))
        })?;
        let (custom_key_stores, next_marker, truncated) = page.finish(keys::STORE);
        Ok(DescribeCustomKeyStoresResponse { custom_key_stores, next_marker, truncated })
    }

    fn entry(&self, id: String, record: StoreRecord) -> CustomKeyStoresListEntry {
        let shown = record.error_code.filter(|_| record.state == ConnectionState::Failed);
        let mut entry = CustomKeyStoresListEntry {
            custom_key_store_id: id,
            cloud_hsm_cluster_id: None,
            trust_anchor_certificate: None,
            connection_state: record.state.name().into(),
            connection_error_code: shown.map(|code| code.name().into()),
            creation_date: Timestamp(record.created_ms),
            custom_key_store_type: record.kind.name().into(),
            custom_key_store_name: record.name,
            xks_proxy_configuration: None,
        };
        match record.kind {
            StoreKind::CloudHsm(hsm) => {
                entry.cloud_hsm_cluster_id = Some(hsm.cluster_id);
                entry.trust_anchor_certificate = Some(hsm.trust_anchor);
            }
            StoreKind::External(store) => entry.xks_proxy_configuration = Some(self.proxy_shown(store)),
        }
        entry
    }

    fn proxy_shown(&self, store: ExternalStore) -> XksProxyConfiguration {
        let connectivity = store.connectivity.name().into();
        let (name, owner) = match store.connectivity {
            Connectivity::Public => (None, None),
            Connectivity::VpcEndpointService { name, owner } => {
                (Some(name), Some(owner.unwrap_or_else(|| self.settings.account.clone())))
            }
        };
        XksProxyConfiguration {
            connectivity,
            access_key_id: store.access_key_id,
            uri_endpoint: store.endpoint,
            uri_path: store.path,
            vpc_endpoint_service_name: name,
            vpc_endpoint_service_owner: owner,
        }
    }
}

fn one(entry: CustomKeyStoresListEntry) -> DescribeCustomKeyStoresResponse {
    DescribeCustomKeyStoresResponse { custom_key_stores: vec![entry], next_marker: None, truncated: false }
}
