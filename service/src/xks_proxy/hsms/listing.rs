//! The keys of a group, for people who ask: no request needs it.

use super::group::Group;
use super::hsm::Hsm;
use super::{HealthStatus, HsmFailure};
use crate::xks_proxy::settings::KeyName;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use std::sync::Arc;
use vhsm_keystore::Fault;

const AES_256_BYTES: u64 = 32;

/// The external key ids of the group's AES-256 keys but the probe's, sorted; one that two keys have is there twice. Blocks. Errors: no HSM
/// can be asked.
pub(super) fn aes_256_keys(group: &Group) -> Result<Vec<String>, HsmFailure> {
    let hsms = group.hsms();
    let works = |hsm: &&Arc<Hsm>| hsm.status().health != HealthStatus::Unavailable;
    let hsm = hsms.iter().find(works).ok_or_else(|| HsmFailure::Unavailable(group.trouble()))?;
    let mut ids = ids(hsm).map_err(|fault| HsmFailure::Failed(fault.to_string()))?;
    ids.retain(|id| !group.access.is_probe(id));
    ids.sort();
    Ok(ids)
}

fn ids(hsm: &Hsm) -> Result<Vec<String>, Fault> {
    let session = hsm.access.session(hsm.slot_id())?;
    let template =
        [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true), Attribute::KeyType(KeyType::AES)];
    let name = match hsm.access.settings.named_by {
        KeyName::Label => AttributeType::Label,
        KeyName::Id => AttributeType::Id,
    };
    let mut ids = Vec::new();
    for handle in session.find_objects(&template)? {
        let (mut id, mut bytes) = (None, 0);
        for attribute in session.get_attributes(handle, &[name, AttributeType::ValueLen])? {
            match attribute {
                Attribute::Label(label) => id = String::from_utf8(label).ok(),
                Attribute::Id(own) => id = Some(own.iter().map(|byte| format!("{byte:02x}")).collect()),
                Attribute::ValueLen(length) => bytes = u64::from(length),
                _ => {}
            }
        }
        ids.extend(id.filter(|id| bytes == AES_256_BYTES && !id.is_empty()));
    }
    Ok(ids)
}
