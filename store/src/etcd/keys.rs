//! The keys in etcd: what lies where under the prefix.
//!
//! | key | value |
//! | --- | --- |
//! | `claim/` length of name (u16) name `s` lease number | a shared claim: lease and number again; under the lease |
//! | `claim/` length of name (u16) name `x` | an exclusive claim: lease and number of its holder; under the lease |
//! | `k/` key | a record of the store |
//! | `revision` | version of this layout (one byte) and the random id of the newest commit (16 bytes) |
//! | `session/` lease in hex | epoch of the process that has this lease (u64); under the lease |
//!
//! Numbers are big endian. Each commit puts `revision` as its last operation: so its mod_revision is the store's
//! revision, and in a watch it ends what the commit changed.

use crate::ClaimKind;

/// Version of this layout.
pub(super) const LAYOUT: u8 = 1;

/// Tells a commit from all others.
pub(super) type CommitId = [u8; 16];

/// Makes the keys of one store.
pub(super) struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(super) fn revision(&self) -> Vec<u8> {
        self.key(&[b"revision"])
    }

    pub(super) fn record(&self, key: &[u8]) -> Vec<u8> {
        self.key(&[b"k/", key])
    }

    /// What comes behind `revision`: the end of a range that has records and `revision`, and no claim or session.
    pub(super) fn behind_revision(&self) -> Vec<u8> {
        self.key(&[b"revision\0"])
    }

    /// The store's key in a record's.
    pub(super) fn of_record<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        key.strip_prefix(&self.prefix[..])?.strip_prefix(b"k/")
    }

    pub(super) fn session(&self, lease: i64) -> Vec<u8> {
        self.key(&[b"session/", format!("{lease:016x}").as_bytes()])
    }

    /// All claims on a name: from here to `claims_end`.
    pub(super) fn claims(&self, name: &[u8]) -> Vec<u8> {
        self.claim_part(name, b"s")
    }

    /// Shared claims end here, where the exclusive one is.
    pub(super) fn exclusive_claim(&self, name: &[u8]) -> Vec<u8> {
        self.claim_part(name, b"x")
    }

    pub(super) fn claims_end(&self, name: &[u8]) -> Vec<u8> {
        self.claim_part(name, b"y")
    }

    /// The key of one claim. `token`: lease and number.
    pub(super) fn claim(&self, name: &[u8], kind: ClaimKind, token: &[u8]) -> Vec<u8> {
        match kind {
            ClaimKind::Exclusive => self.exclusive_claim(name),
            ClaimKind::Shared => [self.claims(name), token.to_vec()].concat(),
        }
    }

    fn claim_part(&self, name: &[u8], part: &[u8]) -> Vec<u8> {
        // A longer name than two bytes can tell stands as if it had their highest number: other names have other
        // text then.
        let bytes = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
        self.key(&[b"claim/", &bytes, name, part])
    }

    fn key(&self, parts: &[&[u8]]) -> Vec<u8> {
        [&[&self.prefix[..]], parts].concat().concat()
    }
}

/// The value of `revision`.
pub(super) fn revision_value(id: &CommitId) -> Vec<u8> {
    [&[LAYOUT][..], id].concat()
}

/// The commit that a value of `revision` names. Errors: the version of a layout that is not this one.
pub(super) fn commit_of(value: &[u8]) -> Result<CommitId, u8> {
    match value.split_first() {
        Some((&LAYOUT, id)) => id.try_into().map_err(|_| LAYOUT),
        Some((&other, _)) => Err(other),
        None => Err(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watched_range_has_records_and_the_revision_only() {
        let keys = Keys::new("p/");
        let range = keys.record(b"")..keys.behind_revision();
        assert!(range.contains(&keys.record(&[0xff; 600])) && range.contains(&keys.revision()));
        let claim = keys.claim(b"name", ClaimKind::Shared, &[0xff; 16]);
        assert!(!range.contains(&claim) && !range.contains(&keys.session(-1)));
        assert!(keys.record(&[0xff; 600]) < keys.revision());
    }

    #[test]
    fn claims_on_a_name_are_a_range_of_their_own() {
        let keys = Keys::new("p/");
        let names: [&[u8]; 5] = [b"", b"a", b"as", b"ax", b"s"];
        for name in names {
            for other in names {
                for kind in [ClaimKind::Shared, ClaimKind::Exclusive] {
                    let claim = keys.claim(other, kind, &[0xff; 16]);
                    let inside = (keys.claims(name)..keys.claims_end(name)).contains(&claim);
                    assert_eq!(inside, name == other, "{name:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_commit_is_known_by_its_value() {
        assert_eq!(commit_of(&revision_value(&[7; 16])), Ok([7; 16]));
        assert_eq!(commit_of(&[2, 0]), Err(2));
        assert_eq!(commit_of(&[]), Err(0));
    }
}
