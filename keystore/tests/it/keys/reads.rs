//! How much of the store operations look at: it must not grow with the number of keys.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use vhsm_store::{Batch, Changes, Claim, ClaimKind, Memory, Revision, Snapshot, StoreError};

/// A store that counts the records that are read.
struct Counting {
    inner: Memory,
    records: Arc<AtomicUsize>,
}

struct Counted<'a>(&'a dyn Snapshot, &'a AtomicUsize);

impl Snapshot for Counted<'_> {
    fn revision(&self) -> Revision {
        self.0.revision()
    }

    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.0.range(from, to, &mut |key, value| {
            self.1.fetch_add(1, Ordering::SeqCst);
            visit(key, value)
        })
    }
}

impl Store for Counting {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.inner.read(&mut |snapshot| body(&Counted(snapshot, &self.records)))
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        self.inner.commit(batch)
    }

    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.inner.changes_since(since)
    }

    fn claim(&self, name: &[u8], kind: ClaimKind) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.inner.claim(name, kind)
    }

    fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.inner.claim_within(name, kind, timeout)
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.inner.is_claimed(name)
    }

    fn fork_prepare(&self) {
        self.inner.fork_prepare();
    }

    fn fork_parent(&self) {
        self.inner.fork_parent();
    }

    fn fork_child(&self) {
        self.inner.fork_child();
    }
}

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// Operations on a key that has an alias, a tag and a grant.
type Ask = fn(&Kms, &str, &str);
const OPERATIONS: &[(&str, Ask)] = &[
    ("CreateKey", |kms, store, _| drop(key_in(kms, store))),
    ("DescribeKey", |kms, _, key| drop(describe_key(kms, key).unwrap())),
    ("DescribeKey by alias", |kms, _, _| drop(describe_key(kms, "alias/mine").unwrap())),
    ("Encrypt", |kms, _, key| drop(ask!(kms, encrypt, { "KeyId": key, "Plaintext": "c2VjcmV0" }).unwrap())),
    ("ListKeys", |kms, _, _| assert_eq!(ask!(kms, list_keys, { "Limit": 2 }).unwrap().keys.len(), 2)),
    ("ListAliases", |kms, _, key| {
        assert_eq!(ask!(kms, list_aliases, { "KeyId": key }).unwrap().aliases.len(), 1);
    }),
    ("TagResource", |kms, _, key| {
        ask!(kms, tag_resource, { "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] }).unwrap();
    }),
    ("CreateGrant", |kms, _, key| {
        let members =
            json!({ "KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Encrypt"], "Name": "n" });
        ask!(kms, create_grant, members).unwrap();
    }),
    ("ListGrants", |kms, _, key| {
        assert_eq!(ask!(kms, list_grants, { "KeyId": key }).unwrap().grants.len(), 1);
    }),
    ("DisableKey", |kms, _, key| ask!(kms, disable_key, { "KeyId": key }).unwrap()),
    ("EnableKey", |kms, _, key| ask!(kms, enable_key, { "KeyId": key }).unwrap()),
    ("delete_due_keys", |kms, _, _| assert_eq!(kms.delete_due_keys(), [""; 0])),
];

#[test]
fn operations_read_as_much_beside_many_keys_as_beside_few() {
    let records = Arc::new(AtomicUsize::new(0));
    let store = Counting { inner: Memory::new(), records: Arc::clone(&records) };
    let world = World::with(Kind::SoftHsm, Settings::default(), Arc::new(store));
    let store = connected_store(&world);
    let key = key_in(&world.kms, &store);
    key_in(&world.kms, &store);
    ask!(world.kms, create_alias, { "AliasName": "alias/mine", "TargetKeyId": key }).unwrap();
    let count = || {
        let counted = OPERATIONS.iter().map(|(name, ask)| {
            records.store(0, Ordering::SeqCst);
            ask(&world.kms, &store, &key);
            (*name, records.load(Ordering::SeqCst))
        });
        counted.collect::<Vec<_>>()
    };
    // Once more: what is made on first use is made.
    count();
    let few = count();
    for number in 0..100 {
        let other = key_in(&world.kms, &store);
        let alias = format!("alias/{number}");
        ask!(world.kms, create_alias, { "AliasName": alias, "TargetKeyId": other }).unwrap();
        ask!(world.kms, create_grant, { "KeyId": other, "GranteePrincipal": ROLE, "Operations": ["Encrypt"] }).unwrap();
        ask!(world.kms, schedule_key_deletion, { "KeyId": other }).unwrap();
    }
    assert_eq!(count(), few);
    for (name, most) in [("Encrypt", 2), ("DescribeKey", 3), ("DescribeKey by alias", 4)] {
        let read = few.iter().find(|(other, _)| *other == name).unwrap().1;
        assert!(read <= most, "{name} reads {read} records");
    }
}
