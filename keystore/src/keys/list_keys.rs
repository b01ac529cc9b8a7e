//! ListKeys

use super::api::{KeyListEntry, ListKeysRequest, ListKeysResponse};
use crate::error::KmsError;
use crate::ids::KeyId;
use crate::kms::{Caller, Kms};
use crate::page::{self, Page};
use crate::records::keys;
use crate::validate::Check;

/// Without a Limit.
const DEFAULT_LIMIT: usize = 100;
const SELF: &str = "SELF";
const OWNERS: &[&str] = &[SELF, "OTHER_ACCOUNTS_VIA_RAM"];

impl Kms {
    /// By key ID. Errors: `Validation`, `InvalidMarker`.
    pub fn list_keys(
        &self,
        _caller: &Caller,
        request: &ListKeysRequest,
    ) -> Result<ListKeysResponse, KmsError> {
        let mut check = Check::default();
        check.page(request.limit, request.marker.as_deref(), 1000);
        if let Some(owners) = &request.resource_owners {
            check.count("resourceOwners", owners.len(), 1..=2);
            check.each_of("resourceOwners", owners, OWNERS);
        }
        check.finish()?;
        let (from, to) = keys::between(&[keys::KEY]);
        let from = page::start(keys::KEY, request.marker.as_deref(), &from, &to)?;
        // No other account shares keys with this one.
        let is_ours =
            request.resource_owners.as_ref().is_none_or(|owners| owners.iter().any(|owner| owner == SELF));
        let to = if is_ours { to } else { from.clone() };
        let page = self.view(|view| {
            let mut page = Page::new(request.limit, DEFAULT_LIMIT);
            view.names(&from, &to, |place| page.push(place, place[1..].try_into().map(KeyId::from_bytes)))?;
            Ok(page)
        })?;
        let (ids, next_marker, truncated) = page.finish(keys::KEY);
        let entry = |id: Result<KeyId, _>| match id {
            Ok(id) => Ok(KeyListEntry { key_id: id.to_string(), key_arn: self.key_arn(&id) }),
            Err(_) => Err(KmsError::internal("a key is stored under what is no ID")),
        };
        let keys = ids.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(ListKeysResponse { keys, next_marker, truncated })
    }
}
