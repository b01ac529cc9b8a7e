//! ListAliases

use super::api::{AliasListEntry, ListAliasesRequest, ListAliasesResponse};
use super::states::Operation;
use crate::error::KmsError;
use crate::ids::{AliasName, KeyId};
use crate::kms::{Caller, Kms};
use crate::page::{self, Page};
use crate::records::key::AliasRecord;
use crate::records::{View, keys};
use crate::validate::{Check, KEY_ID};
use crate::wire::Timestamp;

/// The most aliases of a page.
const MOST: usize = 100;
/// Without a Limit.
const DEFAULT_LIMIT: usize = 50;

impl Kms {
    /// By name; of one key, or all. Errors: `Validation`, `NotFound`, `InvalidArn`, `InvalidMarker`.
    pub fn list_aliases(
        &self,
        _caller: &Caller,
        request: &ListAliasesRequest,
    ) -> Result<ListAliasesResponse, KmsError> {
        let mut check = Check::default();
        check.text("keyId", request.key_id.as_deref(), &KEY_ID);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        self.view(|view| {
            let key = request.key_id.as_deref().map(|key_id| self.locate_key(view, key_id)).transpose()?;
            let page = Page::of_at_most(MOST, request.limit, DEFAULT_LIMIT);
            let marker = request.marker.as_deref();
            let (aliases, next_marker, truncated) = match key {
                None => self.all_aliases(view, page, marker)?,
                Some(key) => {
                    self.allow(Operation::ListAliases, &key)?;
                    self.aliases_of(view, &key.id, page, marker)?
                }
            };
            Ok(ListAliasesResponse { aliases, next_marker, truncated })
        })
    }

    fn all_aliases(
        &self,
        view: &View,
        mut page: Page<AliasListEntry>,
        marker: Option<&str>,
    ) -> Result<(Vec<AliasListEntry>, Option<String>, bool), KmsError> {
        let (from, to) = keys::between(&[keys::ALIAS]);
        let from = page::start(keys::ALIAS, marker, &from, &to)?;
        view.range::<AliasRecord>(&from, &to, |place, record| {
            Ok(page.push(place, self.alias_entry(&stored_name(&place[1..])?, &record)))
        })?;
        Ok(page.finish(keys::ALIAS))
    }

    fn aliases_of(
        &self,
        view: &View,
        id: &KeyId,
        mut page: Page<AliasListEntry>,
        marker: Option<&str>,
    ) -> Result<(Vec<AliasListEntry>, Option<String>, bool), KmsError> {
        let (all, to) = keys::aliases_of_key(id);
        let from = page::start(keys::ALIAS_OF_KEY, marker, &all, &to)?;
        // No more than a key can have.
        let mut places = Vec::new();
        view.names(&from, &to, |place| {
            places.push(place.to_vec());
            std::ops::ControlFlow::Continue(())
        })?;
        for place in places {
            let name = stored_name(&place[all.len()..])?;
            let record = view.get::<AliasRecord>(keys::alias(&name))?;
            let record = record
                .ok_or_else(|| KmsError::internal(format!("{name} stands in the index, but is not there")))?;
            if page.push(&place, self.alias_entry(&name, &record.value)).is_break() {
                break;
            }
        }
        Ok(page.finish(keys::ALIAS_OF_KEY))
    }

    fn alias_entry(&self, name: &AliasName, record: &AliasRecord) -> AliasListEntry {
        AliasListEntry {
            alias_name: name.to_string(),
            alias_arn: self.alias_arn(name),
            target_key_id: record.target().to_string(),
            creation_date: Timestamp(record.created_ms),
            last_updated_date: Timestamp(record.updated_ms),
        }
    }
}

/// An alias's name as it stands in a key of the store.
pub(super) fn stored_name(bytes: &[u8]) -> Result<AliasName, KmsError> {
    let name = std::str::from_utf8(bytes).ok().and_then(|text| AliasName::parse(text).ok());
    name.ok_or_else(|| KmsError::internal("an alias is stored under what is no name"))
}
