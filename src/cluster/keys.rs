//! The store's keys: what lies where.
//!
//! One byte of kind, then numbers in big endian, so that a range of keys is a range of numbers:
//!
//! | key | value |
//! | --- | --- |
//! | `00` | head: format version, next cluster number, next slot id, the uninitialized slot's id |
//! | `00 01` | next block of object ids |
//! | `00 02` | start number for IVs |
//! | `01 cluster` | cluster, MACed |
//! | `02 cluster slot` | HSM, MACed |
//! | `03 cluster generation user` | user with its sealed keys, MACed |
//! | `04 cluster generation user` | wrong tries of that user |
//! | `05 cluster generation owner object` | object, sealed |
//! | `06 cluster generation owner HMAC(CKA_LABEL)[16] object` | index entry: a MAC over its key |
//! | `07 cluster generation owner HMAC(CKA_ID)[16] object` | the same |
//! | `08 cluster generation owner HMAC(class)[8] HMAC(class, key type)[8] object` | the same |
//! | `09 cluster generation owner` | what is left to sweep: `ffffffff` stands for all |
//! | `0a cluster generation recipient 00 object` | what the object's owner has to tell a user it shares it with, MACed |
//! | `0a cluster generation recipient 01 object` | what that user made of it: the object's key, sealed, and its index entries |
//! | `0b cluster` | fault plan, MACed |
//! | `0c cluster` | a cluster is being made of a backup under this number: its own record comes last |
//! | `0e cluster` | what is shown of a deleted cluster for a while: says nothing that counts |
//!
//! cluster, generation, user and owner have 4 bytes, slot and object 8. Owner 0 is the public. The generation
//! grows when a token is wiped: everything older is out of reach at once, and swept later. A token key has
//! two entries at random places (06, 07); the others grow in the order of object ids.

use crate::cluster::{Change, ClusterId, ObjectId, UserId};
use smallvec::SmallVec;

/// A key of the store, on the stack.
pub(super) type Key = SmallVec<[u8; 48]>;

/// The kinds of keys, by their first byte.
pub(super) const HEAD: &[u8] = &[0];
pub(super) const OBJECT_IDS: &[u8] = &[0, 1];
pub(super) const IV_STARTS: &[u8] = &[0, 2];
const CLUSTER: u8 = 1;
const HSM: u8 = 2;
const USER: u8 = 3;
const ATTEMPTS: u8 = 4;
const OBJECT: u8 = 5;
const LABEL: u8 = 6;
const ID: u8 = 7;
const CLASS: u8 = 8;
const SWEEP: u8 = 9;
const SHARE: u8 = 10;
/// The two sorts of records of a share, behind the recipient's number.
const MESSAGE: u8 = 0;
const ADOPTED: u8 = 1;
const FAULTS: u8 = 0x0b;
const RESTORE: u8 = 0x0c;
const DEPARTED: u8 = 0x0e;

/// Bytes of the keyed hash of a label or an id, or of class and key type together.
pub(super) const HASH_BYTES: usize = 16;

/// The kinds that lie under a generation and an owner, and under a generation and a user.
pub(super) const OWNED: [u8; 5] = [OBJECT, LABEL, ID, CLASS, SHARE];
pub(super) const OF_USERS: [u8; 2] = [USER, ATTEMPTS];

/// Stands for all owners, or all generations, in a sweep record's key.
pub(super) const ALL: u32 = u32::MAX;

/// One generation of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    pub cluster: ClusterId,
    pub generation: u32,
}

/// What an index entry is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    Label,
    Id,
    Class,
}

impl Index {
    pub(super) fn kind(self) -> u8 {
        match self {
            Index::Label => LABEL,
            Index::Id => ID,
            Index::Class => CLASS,
        }
    }

    pub(super) fn of_kind(kind: u8) -> Option<Self> {
        [Index::Label, Index::Id, Index::Class].into_iter().find(|index| index.kind() == kind)
    }
}

impl Space {
    /// As they stand in every key.
    pub(super) fn numbers(self) -> [u8; 8] {
        let mut numbers = [0; 8];
        numbers[..4].copy_from_slice(&self.cluster.0.to_be_bytes());
        numbers[4..].copy_from_slice(&self.generation.to_be_bytes());
        numbers
    }

    pub(super) fn user(self, user: UserId) -> Key {
        self.key(USER, &[&user.0.to_be_bytes()])
    }

    pub(super) fn attempts(self, user: UserId) -> Key {
        self.key(ATTEMPTS, &[&user.0.to_be_bytes()])
    }

    /// The prefix of all users' records.
    pub(super) fn users(self) -> Key {
        self.key(USER, &[])
    }

    pub(super) fn object(self, owner: UserId, object: ObjectId) -> Key {
        self.key(OBJECT, &[&owner.0.to_be_bytes(), &object.0.to_be_bytes()])
    }

    /// The prefix of all objects' records.
    pub(super) fn objects(self) -> Key {
        self.key(OBJECT, &[])
    }

    /// The prefix of one owner's objects.
    pub(super) fn objects_of(self, owner: UserId) -> Key {
        self.owned(OBJECT, owner)
    }

    /// What an object's owner tells the user it shares it with.
    pub(super) fn message(self, recipient: UserId, object: ObjectId) -> Key {
        self.key(SHARE, &[&recipient.0.to_be_bytes(), &[MESSAGE], &object.0.to_be_bytes()])
    }

    /// The prefix of all messages to a user.
    pub(super) fn messages(self, recipient: UserId) -> Key {
        self.key(SHARE, &[&recipient.0.to_be_bytes(), &[MESSAGE]])
    }

    /// What the user made of it.
    pub(super) fn adopted(self, recipient: UserId, object: ObjectId) -> Key {
        self.key(SHARE, &[&recipient.0.to_be_bytes(), &[ADOPTED], &object.0.to_be_bytes()])
    }

    /// An index entry of an object.
    pub(super) fn entry(self, index: Index, owner: UserId, hash: &[u8], object: ObjectId) -> Key {
        self.key(index.kind(), &[&owner.0.to_be_bytes(), hash, &object.0.to_be_bytes()])
    }

    /// The prefix of the index entries whose hash starts so.
    pub(super) fn entries(self, index: Index, owner: UserId, hash: &[u8]) -> Key {
        self.key(index.kind(), &[&owner.0.to_be_bytes(), hash])
    }

    /// The prefix of what an owner has of one kind of `OWNED`.
    pub(super) fn owned(self, kind: u8, owner: UserId) -> Key {
        self.key(kind, &[&owner.0.to_be_bytes()])
    }

    /// The prefix of one kind of this generation.
    pub(super) fn all(self, kind: u8) -> Key {
        self.key(kind, &[])
    }

    /// The record that tells what is left to sweep.
    pub(super) fn sweep(self, owner: u32) -> Key {
        self.key(SWEEP, &[&owner.to_be_bytes()])
    }

    fn key(self, kind: u8, parts: &[&[u8]]) -> Key {
        let mut key = Key::new();
        key.push(kind);
        key.extend_from_slice(&self.cluster.0.to_be_bytes());
        key.extend_from_slice(&self.generation.to_be_bytes());
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}

pub(super) fn cluster(id: ClusterId) -> Key {
    numbered(CLUSTER, id)
}

pub(super) fn clusters() -> Key {
    Key::from_slice(&[CLUSTER])
}

pub(super) fn hsm(cluster: ClusterId, slot_id: u64) -> Key {
    let mut key = numbered(HSM, cluster);
    key.extend_from_slice(&slot_id.to_be_bytes());
    key
}

/// A deleted cluster that is still shown.
pub(super) fn departed(id: ClusterId) -> Key {
    numbered(DEPARTED, id)
}

pub(super) fn all_departed() -> Key {
    Key::from_slice(&[DEPARTED])
}

/// The prefix of a cluster's HSMs.
pub(super) fn hsms(cluster: ClusterId) -> Key {
    numbered(HSM, cluster)
}

/// Tells that a cluster is being made of a backup.
pub(super) fn restore(id: ClusterId) -> Key {
    numbered(RESTORE, id)
}

/// The prefix of all of those.
pub(super) fn restores() -> Key {
    Key::from_slice(&[RESTORE])
}

/// The kinds that a backup has of a generation, in the order of keys: all that lies under one.
pub(super) fn of_generation() -> SmallVec<[u8; 8]> {
    let mut kinds: SmallVec<[u8; 8]> = OF_USERS.iter().chain(&OWNED).copied().collect();
    kinds.push(SWEEP);
    kinds.sort_unstable();
    kinds
}

/// A key of a generation, as it is in another one. `None`: it is not of that generation, or of no kind that lies under one.
pub(super) fn moved(key: &[u8], from: Space, to: Space) -> Option<Key> {
    let (kind, rest) = key.split_first()?;
    let rest = rest.strip_prefix(&from.numbers())?;
    (of_generation().contains(kind) && !rest.is_empty()).then(|| to.key(*kind, &[rest]))
}

/// Whether it is the key of a user's record.
pub(super) fn is_user(key: &[u8]) -> bool {
    key.first() == Some(&USER)
}

/// The user whose wrong tries stand under this key.
pub(super) fn attempts_of(key: &[u8]) -> Option<UserId> {
    if key.first() == Some(&ATTEMPTS) { user_of(key) } else { None }
}

/// Whether it is the key of an HSM's record.
pub(super) fn is_hsm(key: &[u8]) -> bool {
    key.first() == Some(&HSM)
}

/// The object whose record has this key.
pub(super) fn stored_object(key: &[u8]) -> Option<ObjectId> {
    if key.first() == Some(&OBJECT) { object_of(key) } else { None }
}

/// The place of a cluster's fault plan.
pub(super) fn faults(cluster: ClusterId) -> Key {
    numbered(FAULTS, cluster)
}

/// The prefix of all fault plans.
pub(super) fn all_faults() -> Key {
    Key::from_slice(&[FAULTS])
}

/// The prefix of all sweep records.
pub(super) fn sweeps() -> Key {
    Key::from_slice(&[SWEEP])
}

/// The prefix of one kind of all generations of a cluster.
pub(super) fn numbered(kind: u8, cluster: ClusterId) -> Key {
    let mut key = Key::new();
    key.push(kind);
    key.extend_from_slice(&cluster.0.to_be_bytes());
    key
}

/// The first key behind all that start with `prefix`.
pub(super) fn behind(prefix: &[u8]) -> Key {
    let mut end = Key::from_slice(prefix);
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Only the empty prefix comes here (no kind is ff): it stands for the whole store.
    Key::from_slice(&[u8::MAX])
}

/// The object an index entry or an object's key ends with.
pub(super) fn object_of(key: &[u8]) -> Option<ObjectId> {
    Some(ObjectId(number(key.get(key.len().checked_sub(8)?..)?)?))
}

/// The owner and the object that an object's key names.
pub(super) fn object_place(key: &[u8]) -> Option<(UserId, ObjectId)> {
    let (owner, rest) = four(key.get(9..)?)?;
    Some((UserId(owner), ObjectId(number(rest)?)))
}

/// The numbers of a sweep record's key.
pub(super) fn sweep_of(key: &[u8]) -> Option<(Space, u32)> {
    let [SWEEP, rest @ ..] = key else { return None };
    let (cluster, rest) = four(rest)?;
    let (generation, rest) = four(rest)?;
    let (owner, rest) = four(rest)?;
    rest.is_empty().then_some((Space { cluster: ClusterId(cluster), generation }, owner))
}

/// The cluster that the key of a cluster's record, or of one being restored, names.
pub(super) fn cluster_of(key: &[u8]) -> Option<ClusterId> {
    let (cluster, rest) = four(key.get(1..)?)?;
    rest.is_empty().then_some(ClusterId(cluster))
}

/// The user a user record's key names.
pub(super) fn user_of(key: &[u8]) -> Option<UserId> {
    let (user, rest) = four(key.get(9..)?)?;
    rest.is_empty().then_some(UserId(user))
}

/// Cluster, recipient and object of a message's key.
fn share_of(key: &[u8]) -> Option<(ClusterId, UserId, ObjectId)> {
    let (cluster, rest) = four(key.get(1..)?)?;
    let (recipient, rest) = four(rest.get(4..)?)?;
    let [MESSAGE, object @ ..] = rest else { return None };
    Some((ClusterId(cluster), UserId(recipient), ObjectId(number(object)?)))
}

/// What a changed key means for caches. `Err`: a kind of key that this version does not know.
pub(super) fn change_of(key: &[u8]) -> Result<Option<Change>, ()> {
    let cluster = || four(key.get(1..)?).map(|(cluster, _)| ClusterId(cluster));
    let change = match key {
        HEAD => Some(Change::Slots),
        [0, ..] | [ATTEMPTS | LABEL | ID | CLASS | SWEEP | RESTORE | DEPARTED, ..] => return Ok(None),
        [SHARE, _, _, _, _, _, _, _, _, _, _, _, _, ADOPTED, ..] => return Ok(None),
        [SHARE, ..] => share_of(key).map(|(cluster, to, object)| Change::Share(cluster, to, object)),
        [CLUSTER | HSM, ..] => Some(Change::Slots),
        [FAULTS, ..] => Some(Change::Faults),
        [USER, ..] => cluster().zip(user_of(key)).map(|(cluster, user)| Change::User(cluster, user)),
        [OBJECT, ..] => {
            cluster().zip(object_of(key)).map(|(cluster, object)| Change::Object(cluster, object))
        }
        _ => None,
    };
    change.map(Some).ok_or(())
}

fn four(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Space = Space { cluster: ClusterId(3), generation: 2 };

    #[test]
    fn behind_is_the_tightest_end() {
        assert_eq!(behind(&[1, 2]).as_slice(), [1, 3]);
        assert_eq!(behind(&[1, 255, 255]).as_slice(), [2]);
        let owner = UserId(u32::MAX);
        let last = SPACE.object(owner, ObjectId(u64::MAX));
        assert!(last < behind(&SPACE.owned(OBJECT, owner)));
        let next = Space { generation: SPACE.generation + 1, ..SPACE };
        assert!(behind(&SPACE.owned(OBJECT, owner)) <= next.all(OBJECT));
    }

    #[test]
    fn changes_are_told_apart() {
        let cluster = ClusterId(3);
        assert_eq!(change_of(HEAD), Ok(Some(Change::Slots)));
        assert_eq!(change_of(OBJECT_IDS), Ok(None));
        assert_eq!(change_of(&hsm(cluster, 7)), Ok(Some(Change::Slots)));
        assert_eq!(change_of(&faults(cluster)), Ok(Some(Change::Faults)));
        assert_eq!(change_of(&SPACE.user(UserId(9))), Ok(Some(Change::User(cluster, UserId(9)))));
        assert_eq!(change_of(&SPACE.attempts(UserId(9))), Ok(None));
        let object = SPACE.object(UserId(9), ObjectId(1 << 40));
        assert_eq!(change_of(&object), Ok(Some(Change::Object(cluster, ObjectId(1 << 40)))));
        assert_eq!(change_of(&SPACE.entry(Index::Id, UserId(9), &[0; 16], ObjectId(1))), Ok(None));
        let share = Change::Share(cluster, UserId(9), ObjectId(5));
        assert_eq!(change_of(&SPACE.message(UserId(9), ObjectId(5))), Ok(Some(share)));
        assert_eq!(change_of(&SPACE.adopted(UserId(9), ObjectId(5))), Ok(None));
        assert_eq!(change_of(&SPACE.messages(UserId(9))), Err(()));
        assert_eq!(change_of(&departed(cluster)), Ok(None));
        assert_eq!(change_of(&[77]), Err(()));
        assert_eq!(change_of(&SPACE.user(UserId(9))[..8]), Err(()));
    }

    #[test]
    fn numbers_come_back() {
        assert_eq!(sweep_of(&SPACE.sweep(ALL)), Some((SPACE, ALL)));
        assert_eq!(sweep_of(&SPACE.users()), None);
        assert_eq!(user_of(&SPACE.user(UserId(5))), Some(UserId(5)));
        assert_eq!(
            object_of(&SPACE.entry(Index::Class, UserId(5), &[1; 16], ObjectId(6))),
            Some(ObjectId(6))
        );
    }
}
