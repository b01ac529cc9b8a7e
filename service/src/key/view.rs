//! Keys as `key list` of the CloudHSM CLI shows them (reference/cloudhsm.md sec. 8).

use super::{attributes, filter::Page};
use crate::failure::Failure;
use serde::Serialize;
use serde_json::{Map, Value};
use vhsm_pkcs11::cluster::{ObjectId, Sharing, User, UserId};
use vhsm_pkcs11::session::Session;

#[derive(Serialize)]
pub struct KeyList {
    matched_keys: Vec<KeyView>,
    total_key_count: usize,
    returned_key_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyView {
    key_reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_info: Option<KeyInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct KeyInfo {
    key_owners: Vec<Holder>,
    shared_users: Vec<Holder>,
    key_quorum_values: Quorum,
    cluster_coverage: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Holder {
    username: String,
    key_coverage: &'static str,
}

/// CloudHSM's M of N for keys: there is none here.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Quorum {
    manage_key_quorum_value: u8,
    use_key_quorum_value: u8,
}

/// The users of a cluster.
pub struct Names<'a>(pub &'a [User]);

impl Names<'_> {
    pub fn of(&self, id: UserId) -> &str {
        self.0.iter().find(|user| user.id == id).map_or("?", |user| &user.name)
    }

    fn holder(&self, id: UserId) -> Holder {
        Holder { username: self.of(id).to_owned(), key_coverage: "full" }
    }
}

impl KeyList {
    pub fn new(
        page: Page,
        mut key: impl FnMut(ObjectId) -> Result<KeyView, Failure>,
    ) -> Result<Self, Failure> {
        let matched_keys = page.ids.iter().map(|id| key(*id)).collect::<Result<Vec<_>, _>>()?;
        let returned_key_count = matched_keys.len();
        Ok(Self { matched_keys, total_key_count: page.total, returned_key_count, next_token: page.next })
    }
}

/// A key as its user sees it.
pub fn key(
    session: &Session,
    id: ObjectId,
    sharing: Option<&Sharing>,
    names: &Names,
    verbose: bool,
) -> Result<KeyView, Failure> {
    let object = session.view_object(id.0)?;
    let (key_info, attributes) = match verbose {
        true => (Some(info(sharing, names)), attributes::shown(&object)),
        false => (None, attributes::label(&object)),
    };
    Ok(KeyView { key_reference: reference(id), key_info, attributes: Some(attributes) })
}

/// A key as an admin sees it.
pub fn bare(id: ObjectId, sharing: Option<&Sharing>, names: &Names) -> KeyView {
    KeyView { key_reference: reference(id), key_info: Some(info(sharing, names)), attributes: None }
}

pub fn reference(id: ObjectId) -> String {
    format!("0x{:016x}", id.0)
}

fn info(sharing: Option<&Sharing>, names: &Names) -> KeyInfo {
    let holders = |ids: &[UserId]| ids.iter().map(|id| names.holder(*id)).collect();
    let owner: Option<UserId> = sharing.and_then(|sharing| sharing.owner);
    KeyInfo {
        key_owners: holders(owner.as_slice()),
        shared_users: holders(sharing.map_or(&[], |sharing| &sharing.shared_with)),
        key_quorum_values: Quorum { manage_key_quorum_value: 0, use_key_quorum_value: 0 },
        cluster_coverage: "full",
    }
}
