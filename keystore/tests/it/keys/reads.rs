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

type Ask<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// Operations on a key that has an alias, a tag and a grant.
fn operations<'a>(kms: &'a Kms, store: &'a str, key: &'a str, arn: &'a str) -> Vec<Ask<'a>> {
    let grantee = "arn:aws:iam::000000000000:role/r";
    vec![
        ("CreateKey", Box::new(move || drop(key_in(kms, store)))),
        ("DescribeKey", Box::new(move || drop(describe_key(kms, key).unwrap()))),
        ("DescribeKey by alias", Box::new(move || drop(describe_key(kms, "alias/mine").unwrap()))),
        (
            "Encrypt",
            Box::new(move || {
                ask!(kms, encrypt, { "KeyId": arn, "Plaintext": "c2VjcmV0" }).unwrap();
            }),
        ),
        (
            "ListKeys",
            Box::new(move || {
                assert_eq!(ask!(kms, list_keys, { "Limit": 2 }).unwrap().keys.len(), 2);
            }),
        ),
        (
            "ListAliases",
            Box::new(move || {
                assert_eq!(ask!(kms, list_aliases, { "KeyId": key }).unwrap().aliases.len(), 1);
            }),
        ),
        (
            "TagResource",
            Box::new(move || {
                ask!(kms, tag_resource, { "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] })
                    .unwrap();
            }),
        ),
        (
            "CreateGrant",
            Box::new(move || {
                let members = json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt"], "Name": "n" });
                ask!(kms, create_grant, members).unwrap();
            }),
        ),
        (
            "ListGrants",
            Box::new(move || {
                assert_eq!(ask!(kms, list_grants, { "KeyId": key }).unwrap().grants.len(), 1);
            }),
        ),
        ("DisableKey", Box::new(move || ask!(kms, disable_key, { "KeyId": key }).unwrap())),
        ("EnableKey", Box::new(move || ask!(kms, enable_key, { "KeyId": key }).unwrap())),
        ("delete_due_keys", Box::new(move || assert_eq!(kms.delete_due_keys(), [""; 0]))),
    ]
}

#[test]
fn operations_read_as_much_beside_many_keys_as_beside_few() {
    let records = Arc::new(AtomicUsize::new(0));
    let store = Counting { inner: Memory::new(), records: Arc::clone(&records) };
    let world = World::with(Kind::SoftHsm, Settings::default(), Arc::new(store));
    let store = connected_store(&world);
    let key = create_key(&world.kms, json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store })).unwrap();
    key_in(&world.kms, &store);
    ask!(world.kms, create_alias, { "AliasName": "alias/mine", "TargetKeyId": key.key_id }).unwrap();
    let operations = operations(&world.kms, &store, &key.key_id, &key.arn);
    let count = || {
        let counted = operations.iter().map(|(name, ask)| {
            records.store(0, Ordering::SeqCst);
            ask();
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
        let members = json!({
            "KeyId": other, "GranteePrincipal": "arn:aws:iam::000000000000:role/r", "Operations": ["Encrypt"]
        });
        ask!(world.kms, create_grant, members).unwrap();
        ask!(world.kms, schedule_key_deletion, { "KeyId": other }).unwrap();
    }
    assert_eq!(count(), few);
    for (name, most) in [("Encrypt", 2), ("DescribeKey", 3), ("DescribeKey by alias", 4)] {
        let read = few.iter().find(|(other, _)| *other == name).unwrap().1;
        assert!(read <= most, "{name} reads {read} records");
    }
}
