//! Index entries of token objects, and how a template finds them.
//!
//! An entry's key has keyed hashes (HMAC-SHA256 under the owner's index key, truncated) of what it is found
//! by, so the store shows no attribute; its value is a MAC over its key, so that nobody without the index key
//! can make an entry that leads to another object. Labels and ids have an entry each, where there is one;
//! class and key type share one that starts with the class, so that it serves for the class alone, and for
//! all.
//!
//! What others share with a user has entries of the user's own too, made by it (`share_recipient`); their value tells the
//! owner.

use crate::cluster::keys::{self, HASH_BYTES, Index, Key, Space};
use crate::cluster::login::Login;
use crate::cluster::secrets::OwnerKeys;
use crate::cluster::{Cluster, Clusters, ObjectId, Role, UserId, read, share_recipient};
use crate::crypto::seal::MacKey;
use crate::error::{ClusterError, Error};
use crate::object::{Object, Template};
use cryptoki_sys::*;
use smallvec::SmallVec;
use std::ops::ControlFlow;
use vhsm_store::Snapshot;

/// The owner of what has CKA_PRIVATE false.
pub(super) const PUBLIC: UserId = UserId(0);
/// Bytes of an entry's value.
const TAG_BYTES: usize = 8;
/// And of one that leads to another user's object.
const SHARED_BYTES: usize = TAG_BYTES + 4;
const HALF: usize = HASH_BYTES / 2;
/// The classes that have CKA_KEY_TYPE (PKCS#11 3.0 sec. 4.7, 4.10).
const KEY_CLASSES: [CK_OBJECT_CLASS; 5] =
    [CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_OTP_KEY, CKO_DOMAIN_PARAMETERS];

/// The keys of an object's index entries.
pub(super) fn entries(
    owner: UserId,
    keys: &OwnerKeys,
    space: Space,
    id: ObjectId,
    object: &Object,
) -> SmallVec<[Key; 3]> {
    let hashes = hashes(keys, object).into_iter();
    hashes.map(|(index, hash)| space.entry(index, owner, &hash, id)).collect()
}

/// What an object is found by.
pub(super) fn hashes(keys: &OwnerKeys, object: &Object) -> SmallVec<[(Index, [u8; HASH_BYTES]); 3]> {
    let mut hashes = SmallVec::new();
    for (index, kind) in [(Index::Label, CKA_LABEL), (Index::Id, CKA_ID)] {
        if let Some(value) = object.bytes(kind).filter(|value| !value.is_empty()) {
            hashes.push((index, value_hash(&keys.index, index, value)));
        }
    }
    hashes.push((Index::Class, class_hash(&keys.index, object.class(), object.key_type())));
    hashes
}

/// The value of an entry. `entries_of`: the cluster's own numbers, or those it had where its backup was taken.
pub(super) fn tag(index: &MacKey, entries_of: Space, entry: &[u8]) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&index.tag(&tagged(&entries_of.numbers(), entry))[..TAG_BYTES]);
    tag
}

/// The value of an entry that leads to another user's object, which the entry's user shares: a tag, and the owner.
pub(super) fn shared_tag(
    index: &MacKey,
    entries_of: Space,
    entry: &[u8],
    owner: UserId,
) -> [u8; SHARED_BYTES] {
    let (mut value, owner) = ([0; SHARED_BYTES], owner.0.to_be_bytes());
    let tag = index.tag(&shared_tagged(&entries_of.numbers(), entry, &owner));
    value[..TAG_BYTES].copy_from_slice(&tag[..TAG_BYTES]);
    value[TAG_BYTES..].copy_from_slice(&owner);
    value
}

/// What an entry's tag is made over: its key, as it was where the entry was made.
fn tagged<'a>(numbers: &'a [u8; 8], entry: &'a [u8]) -> [&'a [u8]; 4] {
    let (kind, rest) = entry.split_at(1);
    [b"entry", kind, numbers, rest.get(numbers.len()..).unwrap_or_default()]
}

fn shared_tagged<'a>(numbers: &'a [u8; 8], entry: &'a [u8], owner: &'a [u8]) -> [&'a [u8]; 5] {
    let [_, kind, numbers, rest] = tagged(numbers, entry);
    [b"share", kind, numbers, rest, owner]
}

fn value_hash(index_key: &MacKey, index: Index, value: &[u8]) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&index_key.tag(&[b"value", &[index.kind()], value])[..HASH_BYTES]);
    hash
}

fn class_hash(index_key: &MacKey, class: CK_OBJECT_CLASS, key_type: Option<CK_KEY_TYPE>) -> [u8; HASH_BYTES] {
    let class = class.to_be_bytes();
    let mut hash = [0; HASH_BYTES];
    hash[..HALF].copy_from_slice(&index_key.tag(&[b"class", &class])[..HALF]);
    let second = match key_type {
        Some(key_type) => index_key.tag(&[b"key type", &class, &key_type.to_be_bytes()]),
        None => index_key.tag(&[b"no type", &class]),
    };
    hash[HALF..].copy_from_slice(&second[..HALF]);
    hash
}

impl Clusters {
    /// Ids of objects that may match, in ascending order, by the best index for the template (CKA_LABEL,
    /// CKA_ID, CKA_CLASS, CKA_KEY_TYPE; else all); `true`: the index answers the whole template, the objects
    /// need not be opened. Errors: `NotLoggedIn`, `Corrupt`.
    pub fn candidates(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        template: &Template,
    ) -> Result<(Vec<ObjectId>, bool), Error> {
        if let Some(login) = login {
            login.check(cluster)?;
        }
        let Some(search) = Search::plan(template) else { return Ok((Vec::new(), true)) };
        let user = login.filter(|login| login.user.role == Role::CryptoUser && search.private != Some(false));
        let followed = user.map_or(Ok(true), |login| self.follow_shares(cluster, login))?;
        let (mut found, dangling) = self.view(|snapshot| search.all(snapshot, cluster, login, user))?;
        if let (Some(login), false) = (user, dangling.is_empty()) {
            self.forget_shares(cluster, login, &dangling)?;
        }
        found.sort_unstable();
        Ok((found, search.is_whole && followed))
    }
}

/// Whether the cluster has public objects at all: most have none, and a login remembers that.
fn has_public(snapshot: &dyn Snapshot, space: Space, login: Option<&Login>) -> Result<bool, Error> {
    let revision = snapshot.revision();
    if login.is_some_and(|login| login.knows_no_public_objects(revision)) {
        return Ok(false);
    }
    let empty = read::is_empty(snapshot, &space.entries(Index::Class, PUBLIC, &[]))?;
    if let (true, Some(login)) = (empty, login) {
        login.remember_no_public_objects(revision);
    }
    Ok(!empty)
}

/// What a template asks the index.
struct Search<'a> {
    by: By<'a>,
    /// CKA_PRIVATE, where the template has it.
    private: Option<bool>,
    /// The template asks nothing else.
    is_whole: bool,
}

#[derive(Clone, Copy)]
enum By<'a> {
    Value(Index, &'a [u8]),
    Class(CK_OBJECT_CLASS),
    ClassAndType(CK_OBJECT_CLASS, CK_KEY_TYPE),
    Type(CK_KEY_TYPE),
    Nothing,
}

impl<'a> Search<'a> {
    /// `None`: no token object can match.
    fn plan(template: &Template<'a>) -> Option<Self> {
        let (mut value, mut class, mut key_type) = (None, None, None);
        let (mut private, mut is_whole) = (None, true);
        for attribute in &template.attributes {
            match attribute.kind {
                CKA_TOKEN if attribute.value == [1] => {}
                CKA_TOKEN => return None,
                CKA_PRIVATE if private.is_none() => private = Some(flag(attribute.value)?),
                CKA_CLASS if class.is_none() => class = Some(number(attribute.value)?),
                CKA_KEY_TYPE if key_type.is_none() => key_type = Some(number(attribute.value)?),
                CKA_LABEL if value.is_none() && !attribute.value.is_empty() => {
                    value = Some((Index::Label, attribute.value));
                }
                CKA_ID if value.is_none() && !attribute.value.is_empty() => {
                    value = Some((Index::Id, attribute.value));
                }
                _ => is_whole = false,
            }
        }
        let by = match (value, class, key_type) {
            (Some((index, value)), class, key_type) => {
                is_whole &= class.is_none() && key_type.is_none();
                By::Value(index, value)
            }
            (None, Some(class), Some(key_type)) => By::ClassAndType(class, key_type),
            (None, Some(class), None) => By::Class(class),
            (None, None, Some(key_type)) => By::Type(key_type),
            (None, None, None) => By::Nothing,
        };
        Some(Self { by, private, is_whole })
    }

    /// What the user and the public have; and what somebody shared with the user who is gone since.
    fn all(
        &self,
        snapshot: &dyn Snapshot,
        cluster: &Cluster,
        login: Option<&Login>,
        user: Option<&Login>,
    ) -> Result<(Vec<ObjectId>, Vec<ObjectId>), Error> {
        let (mut found, mut dangling) = (Vec::new(), Vec::new());
        if let Some(login) = user {
            let mut shared = Vec::new();
            self.run(snapshot, cluster, login.user.id, &login.keys.index, &mut |id, owner| match owner {
                None => found.push(id),
                Some(owner) => shared.push((id, owner)),
            })?;
            for (id, owner) in shared {
                let stands = share_recipient::stands(snapshot, cluster, login, id, owner)?;
                if stands { &mut found } else { &mut dangling }.push(id);
            }
        }
        if self.private != Some(true) && has_public(snapshot, cluster.space(), login)? {
            self.run(snapshot, cluster, PUBLIC, &cluster.public.index, &mut |id, _| found.push(id))?;
        }
        Ok((found, dangling))
    }

    /// Tells the objects that one user's entries lead to, with their owners where they are others'.
    fn run(
        &self,
        snapshot: &dyn Snapshot,
        cluster: &Cluster,
        user: UserId,
        index_key: &MacKey,
        tell: &mut dyn FnMut(ObjectId, Option<UserId>),
    ) -> Result<(), Error> {
        let (space, numbers) = (cluster.space(), cluster.entries_of.numbers());
        let mut walk = |index: Index, hash: &[u8]| {
            read::scan(snapshot, &space.entries(index, user, hash), &mut |entry, value| {
                let (id, owner) = checked(index_key, &numbers, entry, value)?;
                tell(id, owner);
                Ok(ControlFlow::Continue(()))
            })
        };
        match self.by {
            By::Value(index, value) => walk(index, &value_hash(index_key, index, value)),
            By::Class(class) => walk(Index::Class, &class_hash(index_key, class, None)[..HALF]),
            By::ClassAndType(class, kind) => walk(Index::Class, &class_hash(index_key, class, Some(kind))),
            By::Type(kind) => KEY_CLASSES
                .iter()
                .try_for_each(|&class| walk(Index::Class, &class_hash(index_key, class, Some(kind)))),
            By::Nothing => walk(Index::Class, &[]),
        }
    }
}

/// The object an entry leads to, if its user made the entry, and the object's owner where that is another.
fn checked(
    index_key: &MacKey,
    numbers: &[u8; 8],
    entry: &[u8],
    value: &[u8],
) -> Result<(ObjectId, Option<UserId>), Error> {
    let id = keys::object_of(entry);
    let found = match value.split_at_checked(TAG_BYTES) {
        Some((tag, [])) => id.filter(|_| index_key.verify(&tagged(numbers, entry), tag)).zip(Some(None)),
        Some((tag, &[a, b, c, d])) => {
            let id = id.filter(|_| index_key.verify(&shared_tagged(numbers, entry, &[a, b, c, d]), tag));
            id.zip(Some(Some(UserId(u32::from_be_bytes([a, b, c, d])))))
        }
        _ => None,
    };
    found.ok_or(ClusterError::Corrupt("index entry").into())
}

fn flag(value: &[u8]) -> Option<bool> {
    match value {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

fn number(value: &[u8]) -> Option<CK_ULONG> {
    Some(CK_ULONG::from_ne_bytes(value.try_into().ok()?))
}
