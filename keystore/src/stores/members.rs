//! Rules of the members of requests about custom key stores (model `kms/2014-11-01`).

use crate::error::KmsError;
use crate::ids::StoreId;
use crate::validate::{CUSTOM_KEY_STORE_ID, Check, Text, invalid};

/// CustomKeyStoreNameType
pub(super) const NAME: Text = Text::new(1, 256);
/// CloudHsmClusterIdType
pub(super) const CLUSTER_ID: Text = Text::new(19, 24).pattern("cluster-[2-7a-zA-Z]{11,16}", is_cluster_id);
/// KeyStorePasswordType
pub(super) const PASSWORD: Text = Text::new(7, 32).secret();
/// TrustAnchorCertificateType
pub(super) const TRUST_ANCHOR: Text = Text::new(1, 5000);

fn is_cluster_id(text: &str) -> bool {
    let suffix = text.strip_prefix("cluster-").unwrap_or_default();
    (11..=16).contains(&suffix.len())
        && suffix.bytes().all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
}

/// The CustomKeyStoreId of a request that has no other member.
pub(super) fn store_id(id: Option<&str>) -> Result<StoreId, KmsError> {
    let mut check = Check::default();
    let id = check.required("customKeyStoreId", id, &CUSTOM_KEY_STORE_ID);
    check.finish()?;
    Ok(StoreId(id.into()))
}

/// Members that are of the other type of custom key store. Errors: `Validation`: one is there.
pub(super) fn forbid(members: &[(&str, bool)], of_type: &str) -> Result<(), KmsError> {
    let present: Vec<_> = members.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
    match present.is_empty() {
        true => Ok(()),
        false => Err(invalid(format!(
            "{} cannot be given for a custom key store of type {of_type}.",
            present.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_have_their_form() {
        for (id, is_one) in [
            ("cluster-abcdefghijk", true),
            ("cluster-ABCDEFGHIJKLMN27", true),
            ("cluster-abcdefghij", false),
            ("cluster-abcdefghij1", false),
            ("cluster-abcdefghij8", false),
            ("clusterXabcdefghijk", false),
            ("", false),
        ] {
            assert_eq!(is_cluster_id(id), is_one, "{id}");
        }
    }
}
