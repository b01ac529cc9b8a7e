//! Keys that are shared: who uses them, who does what with them, and what the store shows of it.

use super::*;
use crate::cluster::records::{Maced, ObjectRecord, UserRecord};
use crate::error::ObjectError;

/// A key of `kmsuser`, and users `bob` and `carol`.
pub(super) struct Shared {
    pub world: World,
    pub id: ObjectId,
}

const LABEL: &[u8] = b"a label to look for";
const VALUE: [u8; 32] = [0xA7; 32];

impl Shared {
    /// The key is shared with nobody.
    pub fn new() -> Self {
        let world = World::new();
        let (cluster, admin) = (world.cluster(), world.admin(&world.cluster()));
        for name in ["bob", "carol"] {
            world.create_user(&cluster, &admin, name, Role::CryptoUser);
        }
        let owner = world.user(&world.cluster());
        let key = aes_key(LABEL, b"1", &VALUE, true);
        let id = world.clusters.create_object(&world.cluster(), Some(&owner), &key).unwrap();
        Self { world, id }
    }

    pub fn with(names: &[&str]) -> Self {
        let shared = Self::new();
        shared.share(names).unwrap().unwrap();
        shared
    }

    pub fn owner(&self) -> Login {
        self.world.user(&self.world.cluster())
    }

    pub fn login(&self, name: &str) -> Login {
        self.world.clusters.login_as(&self.world.cluster(), None, name, USER_PASSWORD).unwrap()
    }

    pub fn share(&self, names: &[&str]) -> Result<Option<Vec<UserId>>, Error> {
        self.world.clusters.share_object(&self.world.cluster(), &self.owner(), self.id, names)
    }

    pub fn unshare(&self, names: &[&str]) -> Result<Option<Vec<UserId>>, Error> {
        self.world.clusters.unshare_object(&self.world.cluster(), &self.owner(), self.id, names)
    }

    pub fn object(&self, login: &Login) -> Result<Option<Object>, Error> {
        self.world.clusters.object(&self.world.cluster(), Some(login), self.id)
    }

    fn find(&self, login: &Login, attributes: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> (Vec<ObjectId>, bool) {
        self.world.clusters.candidates(&self.world.cluster(), Some(login), &template(attributes)).unwrap()
    }

    pub fn relabel(&self, label: &[u8]) {
        let context = Context { user: true, ..Context::default() };
        let mut change =
            |object: &Object| Ok(object.with_changes(&template(&[(CKA_LABEL, label)]), &context)?);
        let cluster = self.world.cluster();
        self.world
            .clusters
            .update_object(&cluster, Some(&self.owner()), self.id, &mut change)
            .unwrap()
            .unwrap();
    }

    fn destroy(&self, login: &Login) -> Result<bool, Error> {
        self.world.clusters.destroy_object(&self.world.cluster(), Some(login), self.id)
    }

    pub fn record(&self) -> Vec<u8> {
        let space = self.world.cluster().space();
        self.world.contents()[space.object(UserId(2), self.id).as_slice()].clone()
    }

    fn message(&self, to: &Login) -> Vec<u8> {
        self.world.cluster().space().message(to.user.id, self.id).to_vec()
    }

    fn adopted(&self, by: &Login) -> Vec<u8> {
        self.world.cluster().space().adopted(by.user.id, self.id).to_vec()
    }
}

#[test]
pub fn a_shared_key_is_found_and_opened_by_those_it_is_shared_with_alone() {
    let shared = Shared::with(&["bob"]);
    let (bob, carol) = (shared.login("bob"), shared.login("carol"));
    // By its handle already before it was found.
    assert_eq!(shared.object(&bob).unwrap().unwrap().secret().unwrap().expose(), VALUE);
    let secret = CKO_SECRET_KEY.to_ne_bytes();
    for attributes in [&[(CKA_LABEL, LABEL)][..], &[(CKA_ID, b"1")], &[(CKA_CLASS, &secret)], &[]] {
        assert_eq!(shared.find(&bob, attributes), (vec![shared.id], true));
        assert_eq!(shared.find(&carol, attributes), (vec![], true));
    }
    assert_eq!(shared.find(&bob, &[(CKA_LABEL, b"another")]), (vec![], true));
    assert_eq!(shared.object(&bob).unwrap().unwrap().secret().unwrap().expose(), VALUE);
    assert!(shared.object(&carol).unwrap().is_none());
    assert!(shared.object(&shared.world.admin(&shared.world.cluster())).unwrap().is_none());
    // Another process, which the first left nothing to adopt.
    let other = shared.world.again();
    let login = other.login_as(&shared.world.cluster(), None, "bob", USER_PASSWORD).unwrap();
    let found = other.candidates(&shared.world.cluster(), Some(&login), &template(&[(CKA_LABEL, LABEL)]));
    assert_eq!(found.unwrap().0, [shared.id]);
}

#[test]
pub fn the_other_user_sees_a_key_that_it_cannot_reveal_change_copy_or_destroy() {
    let shared = Shared::new();
    let owner = shared.owner();
    let (class, kind) = (CKO_SECRET_KEY.to_ne_bytes(), CKK_AES.to_ne_bytes());
    let attributes = template(&[
        (CKA_CLASS, &class),
        (CKA_KEY_TYPE, &kind),
        (CKA_TOKEN, &[1]),
        (CKA_SENSITIVE, &[0]),
        (CKA_EXTRACTABLE, &[1]),
        (CKA_VALUE, &VALUE),
    ]);
    let context = Context { user: true, ..Context::default() };
    let key = Object::create(&attributes, &context).unwrap();
    let cluster = shared.world.cluster();
    let id = shared.world.clusters.create_object(&cluster, Some(&owner), &key).unwrap();
    shared.world.clusters.share_object(&cluster, &owner, id, &["bob"]).unwrap();
    let bob = shared.login("bob");
    let seen = shared.world.clusters.object(&cluster, Some(&bob), id).unwrap().unwrap();
    for (flag, on) in [
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
        (CKA_MODIFIABLE, false),
        (CKA_DESTROYABLE, false),
        (CKA_COPYABLE, false),
        (CKA_PRIVATE, true),
        (CKA_TOKEN, true),
        (CKA_ENCRYPT, true),
        (CKA_ALWAYS_SENSITIVE, false),
        (CKA_NEVER_EXTRACTABLE, false),
    ] {
        assert_eq!(seen.flag(flag), on, "{flag:#x}");
    }
    assert!(matches!(seen.read(CKA_VALUE), Err(ObjectError::Sensitive(CKA_VALUE))));
    let owners = shared.world.clusters.object(&cluster, Some(&owner), id).unwrap().unwrap();
    assert_eq!(&*owners.read(CKA_VALUE).unwrap(), VALUE);

    let refused = shared.world.clusters.destroy_object(&cluster, Some(&bob), id);
    assert!(matches!(refused, Err(Error::Object(ObjectError::Prohibited(CKA_DESTROYABLE)))));
    let mut change = |object: &Object| Ok(object.with_changes(&template(&[(CKA_LABEL, b"x")]), &context)?);
    let refused = shared.world.clusters.update_object(&cluster, Some(&bob), id, &mut change);
    assert!(matches!(refused, Err(Error::Object(ObjectError::Prohibited(CKA_MODIFIABLE)))));
    let mut past_the_rules = |_: &Object| Ok(aes_key(b"x", b"", &VALUE, true));
    let refused = shared.world.clusters.update_object(&cluster, Some(&bob), id, &mut past_the_rules);
    assert!(matches!(refused, Err(Error::Object(ObjectError::Prohibited(CKA_MODIFIABLE)))));
    assert!(matches!(seen.copy(&template(&[]), &context), Err(ObjectError::Prohibited(CKA_COPYABLE))));
    assert!(shared.world.clusters.share_object(&cluster, &bob, id, &["carol"]).unwrap().is_none());
    assert!(shared.world.clusters.unshare_object(&cluster, &bob, id, &["bob"]).unwrap().is_none());
}

#[test]
pub fn an_unshared_key_has_a_new_object_key_and_the_old_one_opens_nothing() {
    let shared = Shared::with(&["bob", "carol"]);
    let (bob, carol) = (shared.login("bob"), shared.login("carol"));
    let (bobs_message, before) = (shared.message(&bob), shared.world.contents());
    let find = |login: &Login| shared.find(login, &[(CKA_LABEL, LABEL)]).0;
    assert_eq!((find(&bob), find(&carol)), (vec![shared.id], vec![shared.id]));
    let adopted = shared.world.contents()[&shared.adopted(&bob)].clone();
    let entries = |user: UserId| {
        let contents = shared.world.contents();
        contents.keys().filter(|key| matches!(key[0], 6..=8) && key[9..13] == user.0.to_be_bytes()).count()
    };
    assert_eq!(entries(bob.user.id), 3);

    assert_eq!(shared.unshare(&["bob"]).unwrap().unwrap(), [carol.user.id]);
    assert!(shared.object(&bob).unwrap().is_none());
    bob.expect_share_news();
    assert_eq!(find(&bob), []);
    assert_eq!(entries(bob.user.id), 0);
    assert_eq!(shared.object(&carol).unwrap().unwrap().secret().unwrap().expose(), VALUE);
    carol.expect_share_news();
    assert_eq!(find(&carol), [shared.id]);
    assert_eq!(shared.object(&shared.owner()).unwrap().unwrap().secret().unwrap().expose(), VALUE);

    // The old envelope, and what bob made of it, put back: they open an object key that is none any longer.
    for (key, value) in [(&bobs_message, &before[&bobs_message]), (&shared.adopted(&bob), &adopted)] {
        shared.world.put(key, value);
        assert!(matches!(cluster_error(shared.object(&bob)), ClusterError::Corrupt("object record")));
        shared.world.store.commit(Batch::new().delete(key.as_slice())).unwrap();
    }
    assert!(shared.object(&bob).unwrap().is_none());
}

#[test]
pub fn what_its_owner_changes_is_seen_and_found_by_the_others() {
    let shared = Shared::with(&["bob"]);
    let bob = shared.login("bob");
    assert_eq!(shared.find(&bob, &[(CKA_LABEL, LABEL)]).0, [shared.id]);
    shared.relabel(b"renamed");
    assert_eq!(shared.object(&bob).unwrap().unwrap().bytes(CKA_LABEL), Some(&b"renamed"[..]));
    bob.expect_share_news();
    assert_eq!(shared.find(&bob, &[(CKA_LABEL, LABEL)]).0, []);
    assert_eq!(shared.find(&bob, &[(CKA_LABEL, b"renamed")]), (vec![shared.id], true));
    assert_eq!(shared.find(&bob, &[(CKA_ID, b"1")]), (vec![shared.id], true));
    // Renamed before anybody looked, and shared with another.
    shared.relabel(b"again");
    shared.share(&["carol"]).unwrap();
    for name in ["bob", "carol"] {
        assert_eq!(shared.find(&shared.login(name), &[(CKA_LABEL, b"again")]).0, [shared.id], "{name}");
    }
}

#[test]
pub fn a_destroyed_key_is_gone_for_all_and_leaves_nothing() {
    let shared = Shared::with(&["bob", "carol"]);
    let (bob, carol) = (shared.login("bob"), shared.login("carol"));
    assert_eq!(shared.find(&bob, &[]).0, [shared.id]);
    assert!(shared.destroy(&shared.owner()).unwrap());
    for login in [&bob, &carol] {
        // Not even before the messages are followed.
        assert!(shared.object(login).unwrap().is_none());
        assert_eq!(shared.find(login, &[]).0, []);
        login.expect_share_news();
        assert_eq!(shared.find(login, &[]).0, []);
    }
    assert!(shared.world.contents().keys().all(|key| key[0] < 5));
}

#[test]
pub fn only_private_keys_of_ones_own_are_shared_with_other_crypto_users() {
    let shared = Shared::new();
    assert!(matches!(cluster_error(shared.share(&["nobody"])), ClusterError::UserNotFound(_)));
    assert!(matches!(cluster_error(shared.share(&["admin"])), ClusterError::WrongRole { .. }));
    assert!(matches!(cluster_error(shared.share(&["KMSUSER"])), ClusterError::Refused(_)));
    let cluster = shared.world.cluster();
    let carol = shared.login("carol");
    let theirs = shared.world.clusters.share_object(&cluster, &carol, shared.id, &["bob"]);
    assert!(theirs.unwrap().is_none());
    let public = aes_key(b"p", b"", &[1; 32], false);
    let id = shared.world.clusters.create_object(&cluster, None, &public).unwrap();
    let refused = shared.world.clusters.share_object(&cluster, &carol, id, &["bob"]);
    assert!(matches!(cluster_error(refused), ClusterError::Refused(_)));
    assert_eq!(shared.record()[0], 1);
    // Names are as in logins, and twice is once.
    let bob = shared.login("bob").user.id;
    assert_eq!(shared.share(&["BOB", "bob"]).unwrap().unwrap(), [bob]);
    let record = shared.record();
    assert_eq!(shared.share(&["bob"]).unwrap().unwrap(), [bob]);
    assert_eq!(shared.unshare(&["carol"]).unwrap().unwrap(), [bob]);
    assert_eq!(shared.record(), record);
}

#[test]
fn a_key_is_shared_with_so_many_at_most() {
    let shared = Shared::new();
    let (cluster, admin) = (shared.world.cluster(), shared.world.admin(&shared.world.cluster()));
    let names: Vec<String> = (0..=MAX_RECIPIENTS).map(|i| format!("user{i}")).collect();
    for name in &names {
        shared.world.create_user(&cluster, &admin, name, Role::CryptoUser);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(matches!(cluster_error(shared.share(&names)), ClusterError::Refused(_)));
    assert_eq!(shared.share(&names[1..]).unwrap().unwrap().len(), MAX_RECIPIENTS);
    shared.relabel(b"told to all in one commit");
    assert_eq!(shared.find(&shared.login(names[MAX_RECIPIENTS]), &[]).0, [shared.id]);
    assert_eq!(shared.unshare(&names).unwrap().unwrap(), []);
    assert_eq!(shared.record()[0], 1);
    assert!(shared.destroy(&shared.owner()).unwrap());
}

#[test]
pub fn a_deleted_user_takes_nothing_along_and_leaves_nothing() {
    let shared = Shared::with(&["bob", "carol"]);
    let (cluster, admin) = (shared.world.cluster(), shared.world.admin(&shared.world.cluster()));
    let bob = shared.login("bob");
    assert_eq!(shared.find(&bob, &[]).0, [shared.id]);
    let old = shared.world.contents();
    shared.world.clusters.delete_user(&cluster, &admin, "bob", false).unwrap();
    bob.expect_share_news();
    let found = shared.world.clusters.candidates(&cluster, Some(&bob), &template(&[]));
    assert!(found.is_ok_and(|(found, _)| found == [shared.id]), "its login ends by the change of its record");
    while shared.world.clusters.sweep().unwrap() {}
    let of_bob = |key: &&Vec<u8>| key[0] > 4 && key[9..13] == bob.user.id.0.to_be_bytes();
    assert_eq!(shared.world.contents().keys().filter(of_bob).count(), 0);
    // The owner's next change makes a key that the deleted user never had.
    shared.relabel(b"after");
    for key in old.keys().filter(of_bob) {
        shared.world.put(key, &old[key]);
    }
    assert!(shared.object(&bob).is_err());
    let carol = shared.login("carol");
    assert_eq!(shared.find(&carol, &[(CKA_LABEL, b"after")]).0, [shared.id]);
    assert!(shared.object(&carol).unwrap().is_some());
    let sharing = shared.world.clusters.sharing(&cluster, &carol, shared.id).unwrap().unwrap();
    assert_eq!(sharing, Sharing { owner: Some(UserId(2)), shared_with: vec![carol.user.id] });
}

#[test]
pub fn with_its_owner_a_key_goes_from_all_at_once() {
    let shared = Shared::with(&["bob"]);
    let (cluster, admin) = (shared.world.cluster(), shared.world.admin(&shared.world.cluster()));
    let bob = shared.login("bob");
    assert_eq!(shared.find(&bob, &[]).0, [shared.id]);
    let refused = shared.world.clusters.delete_user(&cluster, &admin, "kmsuser", false);
    assert!(matches!(cluster_error(refused), ClusterError::Refused(_)));
    shared.world.clusters.delete_user(&cluster, &admin, "kmsuser", true).unwrap();
    // Its records lie there until they are swept.
    assert!(shared.object(&bob).unwrap().is_none());
    assert_eq!(shared.find(&bob, &[]).0, []);
    while shared.world.clusters.sweep().unwrap() {}
    assert!(shared.world.contents().keys().all(|key| key[0] < 5));
}

/// A user that owns nothing is deleted without a word, whatever is shared with it.
#[test]
pub fn what_is_shared_with_a_user_is_not_its_own() {
    let shared = Shared::with(&["bob"]);
    assert_eq!(shared.find(&shared.login("bob"), &[]).0, [shared.id]);
    let (cluster, admin) = (shared.world.cluster(), shared.world.admin(&shared.world.cluster()));
    shared.world.clusters.delete_user(&cluster, &admin, "bob", false).unwrap();
    assert!(shared.object(&shared.owner()).unwrap().is_some());
}

#[test]
fn a_wiped_token_has_no_shares() {
    let world = World::empty();
    let slot = world.clusters.slots().unwrap().1[0].slot_id;
    world.clusters.init_token(slot, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    let old = world.cluster();
    let admin = world.admin(&old);
    for name in ["kmsuser", "bob"] {
        world.create_user(&old, &admin, name, Role::CryptoUser);
    }
    let (owner, bob) = (world.user(&old), world.clusters.login_as(&old, None, "bob", USER_PASSWORD).unwrap());
    let key = aes_key(LABEL, b"1", &VALUE, true);
    let id = world.clusters.create_object(&old, Some(&owner), &key).unwrap();
    world.clusters.share_object(&old, &owner, id, &["bob"]).unwrap();
    assert_eq!(world.clusters.candidates(&old, Some(&bob), &template(&[])).unwrap().0, [id]);
    world.clusters.init_token(slot, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    while world.clusters.sweep().unwrap() {}
    assert!(world.contents().keys().all(|key| key[0] < 5));
    assert_not_logged_in(world.clusters.object(&world.cluster(), Some(&bob), id));
}

#[test]
fn the_store_shows_nothing_of_a_shared_key() {
    let shared = Shared::with(&["bob"]);
    assert_eq!(shared.find(&shared.login("bob"), &[]).0, [shared.id]);
    shared.share(&["carol"]).unwrap();
    let space = shared.world.cluster().space();
    let (cluster, owner) = (shared.world.cluster(), shared.owner());
    let object_key =
        clone_of_key(&shared.world.clusters.stored(&cluster, Some(&owner), shared.id).unwrap().unwrap());
    for (key, value) in shared.world.contents() {
        let all = [&key[..], &value].concat();
        let has = |secret: &[u8]| all.windows(secret.len()).any(|window| window == secret);
        assert!(!has(LABEL) && !has(&VALUE) && !has(&object_key[..]), "{key:?}");
    }
    assert!(shared.world.contents().contains_key(space.object(UserId(2), shared.id).as_slice()));
}

fn clone_of_key(stored: &crate::cluster::objects::Stored) -> crate::crypto::seal::Key {
    stored.sealed.key.clone()
}

/// Every byte of what lies between owner and recipient, and every exchange of two records.
#[test]
fn tampering_with_shares_is_noticed_or_changes_nothing() {
    let shared = Shared::with(&["bob", "carol"]);
    let owner = shared.owner();
    let other = aes_key(b"other", b"2", &[9; 32], true);
    let cluster = shared.world.cluster();
    let second = shared.world.clusters.create_object(&cluster, Some(&owner), &other).unwrap();
    shared.world.clusters.share_object(&cluster, &owner, second, &["bob"]).unwrap();
    let (bob, carol) = (shared.login("bob"), shared.login("carol"));
    // bob has adopted, carol has not.
    assert_eq!(shared.find(&bob, &[]).0, [shared.id, second]);
    let contents = shared.world.contents();
    let value_seen = |login: &Login, id: ObjectId| -> Result<Option<Vec<u8>>, Error> {
        let object = shared.world.clusters.object(&cluster, Some(login), id)?;
        Ok(object.map(|object| object.secret().unwrap().expose().to_vec()))
    };
    let seen = |world: &World| -> Vec<Result<Option<Vec<u8>>, String>> {
        let logins = [(&bob, shared.id), (&bob, second), (&carol, shared.id), (&carol, second)];
        let values = logins.iter().map(|(login, id)| value_seen(login, *id).map_err(|e| e.to_string()));
        let values: Vec<_> = values.collect();
        bob.expect_share_news();
        let found = world.clusters.candidates(&cluster, Some(&bob), &template(&[(CKA_LABEL, b"other")]));
        let found = found.map(|(ids, _)| Some(vec![u8::from(ids == [second])])).map_err(|e| e.to_string());
        values.into_iter().chain([found]).collect()
    };
    let whole = seen(&shared.world);
    assert!(whole.iter().all(Result::is_ok));
    let is_share =
        |key: &&Vec<u8>| key[0] == 10 || matches!(key[0], 6..=8) && key[9..13] == bob.user.id.0.to_be_bytes();
    let records: Vec<&Vec<u8>> = contents.keys().filter(is_share).collect();
    assert_eq!(records.len(), 1 + 2 + 6);
    let mut refused = 0;
    let mut judge = |what: &str| {
        for (now, before) in seen(&shared.world).iter().zip(&whole) {
            match now {
                Ok(now) => assert_eq!(Some(now), before.as_ref().ok(), "{what}"),
                Err(_) => refused += 1,
            }
        }
        shared.world.restore(&contents);
    };
    for key in &records {
        for at in 0..contents[*key].len() {
            let mut changed = contents[*key].clone();
            changed[at] ^= 1;
            shared.world.put(key, &changed);
            judge(&format!("byte {at} of {key:?}"));
        }
        for other in records.iter().filter(|other| other[0] == key[0] && *other > key) {
            shared.world.put(key, &contents[*other]);
            shared.world.put(other, &contents[*key]);
            judge(&format!("{key:?} and {other:?}"));
        }
    }
    assert!(refused > 300, "{refused}");
    // Those that the key is shared with stand in the record, under its seal.
    let place = cluster.space().object(UserId(2), shared.id);
    let (record, mut more) = ObjectRecord::read(&contents[place.as_slice()]).unwrap();
    more.shared_with.pop();
    shared.world.put(&place, &record.write(&more).unwrap());
    assert!(matches!(cluster_error(shared.object(&bob)), ClusterError::Corrupt("object record")));
}

/// A public key that was put into a user's record is not sealed to.
#[test]
fn nothing_is_shared_with_a_public_key_of_another() {
    let shared = Shared::new();
    let bob = shared.login("bob");
    let key = shared.world.cluster().space().user(bob.user.id);
    let contents = shared.world.contents();
    let mut record =
        Maced::<UserRecord>::decode(&key, &contents[key.as_slice()]).unwrap().unverified().clone();
    record.public_key = crate::crypto::seal::x25519_pair().unwrap().public;
    let forger = crate::crypto::seal::MacKey::new(&[1; 32]);
    shared.world.put(&key, &Maced::encode(&key, &record, &forger).unwrap());
    assert!(matches!(cluster_error(shared.share(&["bob"])), ClusterError::Corrupt("user record")));
    // Nor does its user log in where another user of the cluster, who has the key of the MACs, put it there.
    shared.world.put(&key, &Maced::encode(&key, &record, &bob.mac).unwrap());
    let login = shared.world.clusters.login_as(&shared.world.cluster(), None, "bob", USER_PASSWORD);
    assert!(matches!(cluster_error(login), ClusterError::Corrupt("user record: public key")));
}

/// Two processes at once: one commit of the owner comes between the other's look and its commit.
#[test]
fn a_change_amid_adoption_is_not_lost() {
    let shared = Arc::new(Shared::with(&["bob"]));
    let bob = shared.login("bob");
    let change = {
        let shared = shared.clone();
        move |occasion: &vhsm_store::Occasion| {
            if occasion.call == Call::Commit && occasion.number == 2 {
                shared.relabel(b"amid");
            }
            Fault::Pass
        }
    };
    let clusters = open(
        &(Arc::new(Faulty::new(shared.world.store.clone(), change)) as Arc<dyn Store>),
        &shared.world.clock,
    );
    let cluster = shared.world.cluster();
    let found = clusters.candidates(&cluster, Some(&bob), &template(&[(CKA_LABEL, b"amid")])).unwrap();
    assert_eq!(found, (vec![shared.id], true));
    let old = clusters.candidates(&cluster, Some(&bob), &template(&[(CKA_LABEL, LABEL)])).unwrap();
    assert_eq!(old, (vec![], true));
}

/// Searches and openings cost what they did before there were shares: one look at the store each.
#[test]
fn who_has_no_news_looks_at_the_store_once() {
    let shared = Shared::with(&["bob"]);
    let reads = Arc::new(AtomicU64::new(0));
    let count = {
        let reads = reads.clone();
        move |occasion: &vhsm_store::Occasion| {
            reads.fetch_add(u64::from(occasion.call == Call::Read), Ordering::SeqCst);
            Fault::Pass
        }
    };
    let store: Arc<dyn Store> = Arc::new(Faulty::new(shared.world.store.clone(), count));
    let (clusters, cluster) = (open(&store, &shared.world.clock), shared.world.cluster());
    for (name, first) in [("kmsuser", 2), ("carol", 2), ("bob", 5)] {
        let login = shared.login(name);
        let find = || {
            let before = reads.load(Ordering::SeqCst);
            clusters.candidates(&cluster, Some(&login), &template(&[(CKA_LABEL, LABEL)])).unwrap();
            reads.load(Ordering::SeqCst) - before
        };
        // The first search looks for messages; bob's takes one over, with the process's first IV.
        assert_eq!((find(), find(), find()), (first, 1, 1), "{name}");
    }
}
