//! Key material that stayed behind when its KMS key was deleted, as the log tells it.

use std::collections::{BTreeMap, BTreeSet};
use vhsm_keystore::{BackingKeyId, Orphan};

/// What was told so far.
#[derive(Default)]
pub struct Orphans(BTreeSet<BackingKeyId>);

impl Orphans {
    /// A line for each that is new, and for each that is gone.
    pub fn news(&mut self, now: Vec<Orphan>) -> Vec<String> {
        let now: BTreeMap<_, _> = now.into_iter().map(|orphan| (orphan.backing_key_id, orphan)).collect();
        let came = now.iter().filter(|(id, _)| !self.0.contains(id)).map(|(id, orphan)| {
            let Orphan { key_arn, cause, .. } = orphan;
            let place = orphan.cluster_id.as_deref().unwrap_or("the service's own cluster");
            format!(
                "key material {id} of the deleted key {key_arn} is left in {place}, and tried again: {cause}"
            )
        });
        let gone = self.0.iter().filter(|id| !now.contains_key(id));
        let lines = came.chain(gone.map(|id| format!("key material {id} is left behind no more"))).collect();
        self.0 = now.into_keys().collect();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphan(byte: u8) -> Orphan {
        Orphan {
            backing_key_id: BackingKeyId([byte; 32]),
            key_arn: format!("arn:{byte}"),
            custom_key_store_id: None,
            cluster_id: Some("cluster-a".into()),
            since_ms: 1,
            cause: "no HSM works".into(),
            aliases: Vec::new(),
        }
    }

    #[test]
    fn what_is_left_behind_is_told_once_and_when_it_is_gone() {
        let mut orphans = Orphans::default();
        let told = orphans.news(vec![orphan(1), orphan(2)]);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("arn:1"), "{told:?}");
        assert!(told[0].ends_with("is left in cluster-a, and tried again: no HSM works"), "{told:?}");
        assert_eq!(orphans.news(vec![orphan(1), orphan(2)]), [""; 0]);
        assert_eq!(
            orphans.news(vec![orphan(2)]),
            [format!("key material {} is left behind no more", "01".repeat(32))]
        );
    }
}
