//! Users: made and deleted by admins; passwords changed by their user, or by an admin while it is not logged
//! in.

use crate::cluster::attempts::another_unlocked_admin;
use crate::cluster::inventory::{Lost, lost_with};
use crate::cluster::keys::{self, Space};
use crate::cluster::login::{Login, claim_name};
use crate::cluster::records::{ClusterRecord, Maced, Sealed, UserRecord};
use crate::cluster::secrets::{Holder, Secrets};
use crate::cluster::{
    Cluster, Clusters, PasswordRules, Role, User, UserId, attempts, pin, read, records, renewal, sweep,
};
use crate::crypto::seal::{Key, MacKey};
use crate::error::{CallError, ClusterError, Error};
use vhsm_store::{Batch, ClaimKind};

/// A user to be.
pub(super) struct NewUser<'a> {
    pub id: UserId,
    pub name: &'a str,
    pub role: Role,
    pub password: &'a [u8],
}

/// The keys of the cluster that a new user gets its part of.
pub(super) struct ClusterKeys<'a> {
    pub lineage: [u8; 16],
    pub iv_prefix: [u8; 3],
    pub mac_key: &'a Key,
    pub cluster_key: &'a Key,
}

impl Clusters {
    /// The users in the order they were made.
    pub fn users(&self, cluster: &Cluster) -> Result<Vec<User>, Error> {
        let space = cluster.space();
        self.view(|snapshot| {
            let mut users = Vec::new();
            for user in read::users(snapshot, space)? {
                let user = user.unverified();
                let (attempts, _) = read::attempts(snapshot, space, user.id())?;
                users.push(to_user(user, attempts::is_locked(user, &attempts)));
            }
            Ok(users)
        })
    }

    /// Makes a user; by the rules of tokens, the cluster's default user. Errors: `LoginNeeded`, `UserExists`,
    /// `BadInput`, `PinLength`, `PinCharacter`.
    pub fn create_user(
        &self,
        cluster: &Cluster,
        admin: &Login,
        name: &str,
        role: Role,
        password: &[u8],
        rules: PasswordRules,
    ) -> Result<User, Error> {
        admin.check(cluster)?;
        self.add_user(admin, name, role, password, rules)
    }

    fn add_user(
        &self,
        admin: &Login,
        name: &str,
        role: Role,
        password: &[u8],
        rules: PasswordRules,
    ) -> Result<User, Error> {
        let name = pin::new_name(name)?;
        let space = admin.space();
        self.retry(|| {
            let users = self.view(|snapshot| read::users(snapshot, space))?;
            let names: Vec<&str> = users.iter().map(|user| user.unverified().name.as_str()).collect();
            if names.contains(&name.as_str()) {
                return Err(ClusterError::UserExists(name.clone()).into());
            }
            pin::check_new(rules, password, &names)?;
            let (batch, mut record, own) = self.roster_change(admin)?;
            let new = NewUser { id: UserId(record.next_user), name: &name, role, password };
            let keys = ClusterKeys {
                lineage: record.lineage,
                iv_prefix: record.iv_prefix,
                mac_key: &admin.secrets.mac_key,
                cluster_key: &renewal::current(admin, own.verified(&admin.mac)?)?,
            };
            let user = self.user_record(&keys, &new)?;
            record.next_user += 1;
            if rules == PasswordRules::Token {
                record.default_user = Some(user.id);
            }
            let key = space.user(new.id);
            let batch = put_cluster(batch, space, &record, &admin.mac)?
                .expect(key.as_slice(), None)
                .put(key.as_slice(), Maced::encode(&key, &user, &admin.mac)?);
            self.store.commit(batch)?;
            Ok(to_user(&user, false))
        })
    }

    /// A batch under the condition that the admin and the set of users are as they are now, the cluster's record to put
    /// with it, and the admin's own. Errors: `LoginNeeded`, `NotLoggedIn`, `Corrupt`.
    fn roster_change(&self, admin: &Login) -> Result<(Batch, ClusterRecord, Maced<UserRecord>), Error> {
        admin.cluster_key()?;
        let seen = self.refresh(admin)?.ok_or(CallError::NotLoggedIn)?;
        let batch = Batch::new()
            .expect(seen.cluster.key.as_slice(), Some(&seen.cluster.raw))
            .expect(seen.user.key.as_slice(), Some(&seen.user.raw));
        let mut record = seen.cluster.verified(&admin.mac)?.clone();
        record.roster = record.roster.wrapping_add(1);
        Ok((batch, record, seen.user.clone()))
    }

    /// A new user's record, with new keys.
    pub(super) fn user_record(&self, keys: &ClusterKeys, new: &NewUser) -> Result<UserRecord, Error> {
        let (secrets, public_key) = Secrets::new(keys.mac_key, keys.cluster_key, new.role)?;
        let holder = Holder { lineage: keys.lineage, user: new.id };
        let by_cluster = holder.seal_by_cluster(&secrets, keys.cluster_key, self.iv(keys.iv_prefix)?)?;
        let by_password =
            holder.seal_by_password(&secrets, new.password, self.costs, self.iv(keys.iv_prefix)?)?;
        let mut record = UserRecord {
            id: new.id.0,
            name: new.name.into(),
            admin: new.role == Role::Admin,
            costs: by_password.costs,
            salt: by_password.salt,
            by_password: Sealed { nonce: Default::default(), bytes: Vec::new() },
            by_cluster,
            public_key,
            renewed: Vec::new(),
        };
        by_password.put_into(&mut record);
        Ok(record)
    }

    /// Gives a user a new password, and unlocks it. By the user itself or an admin.
    /// Errors: `LoginNeeded`, `UserNotFound`, `UserLoggedIn` (when `by` is another), `PinLength`,
    /// `PinCharacter`.
    pub fn change_password(
        &self,
        cluster: &Cluster,
        by: &Login,
        name: &str,
        password: &[u8],
        rules: PasswordRules,
    ) -> Result<(), Error> {
        by.check(cluster)?;
        let user = self.checked_target(by.space(), name.as_bytes(), password, rules)?;
        let id = user.unverified().id();
        let own = id == by.user.id;
        if !own {
            by.cluster_key()?;
        }
        let _row = self.row(by.space(), id, user.unverified().role())?;
        let _alone = if own { None } else { Some(self.claim_alone(cluster, user.unverified())?) };
        self.retry(|| {
            let seen = self.refresh(by)?.ok_or(CallError::NotLoggedIn)?;
            let target = self
                .view(|snapshot| read::user(snapshot, by.space(), id))?
                .ok_or_else(|| ClusterError::UserNotFound(name.into()))?;
            let record = target.verified(&by.mac)?;
            let opened;
            let secrets = if own && !record.admin {
                &by.secrets
            } else {
                // Of its own record too: a new password seals the newest cluster key along.
                let holder = Holder { lineage: by.lineage, user: id };
                let cluster_key = renewal::current(by, seen.user.verified(&by.mac)?)?;
                opened = holder.open_by_cluster(record, &cluster_key)?;
                &opened
            };
            let batch = Batch::new().expect(seen.user.key.as_slice(), Some(&seen.user.raw));
            self.put_password(batch, by.space(), seen.cluster.unverified(), &target, secrets, password)
        })
    }

    /// The user of that name, if the password may be its new one.
    fn checked_target(
        &self,
        space: Space,
        name: &[u8],
        password: &[u8],
        rules: PasswordRules,
    ) -> Result<Maced<UserRecord>, Error> {
        let users = self.view(|snapshot| read::users(snapshot, space))?;
        let names: Vec<&str> = users.iter().map(|user| user.unverified().name.as_str()).collect();
        let user = pin::named(&users, name).ok_or_else(|| pin::unknown(&String::from_utf8_lossy(name)))?;
        pin::check_new(rules, password, &names)?;
        Ok(user.clone())
    }

    /// Holds the name that logins of this user take. Errors: `UserLoggedIn`.
    fn claim_alone(&self, cluster: &Cluster, user: &UserRecord) -> Result<Box<dyn vhsm_store::Claim>, Error> {
        let name = claim_name(cluster.id, user.id());
        let claim = self.store.claim(&name, ClaimKind::Exclusive)?;
        claim.ok_or_else(|| ClusterError::UserLoggedIn(user.name.clone()).into())
    }

    /// Commits the user's record with its secrets under a new password; wrong tries are forgotten. Under the
    /// row.
    fn put_password(
        &self,
        batch: Batch,
        space: Space,
        cluster: &ClusterRecord,
        user: &Maced<UserRecord>,
        secrets: &Secrets,
        password: &[u8],
    ) -> Result<(), Error> {
        let mac = secrets.mac();
        let mut record = user.verified(&mac)?.clone();
        let holder = Holder { lineage: cluster.lineage, user: record.id() };
        holder
            .seal_by_password(secrets, password, self.costs, self.iv(cluster.iv_prefix)?)?
            .put_into(&mut record);
        let batch = batch
            .expect(user.key.as_slice(), Some(&user.raw))
            .put(user.key.as_slice(), Maced::encode(&user.key, &record, &mac)?)
            .delete(space.attempts(record.id()).as_slice());
        self.store.commit(batch)?;
        Ok(())
    }

    /// Deletes a user; gives what is lost with it. Its logins end. A crypto user that owns token objects only goes with
    /// `force`, and they with it, for those too that they were shared with. With an admin goes the
    /// cluster key (`renewal`). Errors: `LoginNeeded`, `UserNotFound`,
    /// `Refused`.
    pub fn delete_user(
        &self,
        cluster: &Cluster,
        admin: &Login,
        name: &str,
        force: bool,
    ) -> Result<Lost, Error> {
        admin.check(cluster)?;
        admin.cluster_key()?;
        let space = admin.space();
        // A try that is under way could lock the admin that would be left.
        let _row = self.row(space, admin.user.id, Role::Admin)?;
        self.retry(|| {
            let (batch, mut record, _) = self.roster_change(admin)?;
            let users = self.view(|snapshot| read::users(snapshot, space))?;
            let user = pin::named(&users, name.as_bytes()).ok_or_else(|| pin::unknown(name))?;
            let user = user.verified(&admin.mac)?;
            let mut lost = self.check_deletable(space, user, force)?;
            if record.default_user == Some(user.id) {
                record.default_user = None;
            }
            let (batch, renewed) = match user.admin {
                true => self.renew_cluster_key(batch, admin, record.iv_prefix, &users, user.id())?,
                false => (batch, true),
            };
            lost.cluster_key_stays = !renewed;
            let batch = put_cluster(batch, space, &record, &admin.mac)?
                .delete(space.user(user.id()).as_slice())
                .delete(space.attempts(user.id()).as_slice());
            self.store.commit(sweep::later(batch, space, user.id))?;
            Ok(lost)
        })
    }

    fn check_deletable(&self, space: Space, user: &UserRecord, force: bool) -> Result<Lost, Error> {
        self.view(|snapshot| {
            if user.admin && !another_unlocked_admin(snapshot, space, user.id())? {
                return refused(format!(
                    "user {:?} is the last admin that is not locked, and cannot be deleted",
                    user.name
                ));
            }
            let lost = lost_with(snapshot, space, user.id())?;
            if lost.token_objects > 0 && !force {
                return refused(format!(
                    "user {:?} owns {lost}, lost with it: say so with --force. Their labels only its own login shows",
                    user.name
                ));
            }
            Ok(lost)
        })
    }

    /// C_InitPIN: makes the default crypto user (named `user`), or sets its PIN, or that of the only crypto
    /// user. Errors: `LoginNeeded`, `UserLoggedIn`, `PinLength`, `PinCharacter`.
    pub fn init_pin(&self, cluster: &Cluster, admin: &Login, pin: &[u8]) -> Result<(), Error> {
        admin.check(cluster)?;
        admin.cluster_key()?;
        let seen = self.refresh(admin)?.ok_or(CallError::NotLoggedIn)?;
        let default_user = seen.cluster.unverified().default_user.map(UserId);
        let users = self.view(|snapshot| read::users(snapshot, admin.space()))?;
        match pin::bare(&users, default_user, Role::CryptoUser) {
            Some(user) => {
                let name = user.unverified().name.clone();
                self.change_password(cluster, admin, &name, pin, PasswordRules::Token)
            }
            None => {
                let (name, role, rules) = (pin::DEFAULT_USER, Role::CryptoUser, PasswordRules::Token);
                self.add_user(admin, name, role, pin, rules).map(drop)
            }
        }
    }

    /// C_SetPIN: `old` may have the `user:` prefix, `new` is bare. With `login` it is that user's; without
    /// one (a public session) the crypto user's that `old` names, or that a bare PIN means. The old PIN
    /// counts as a try. Errors: `PinIncorrect`, `PinLocked`, `Delayed`, `NoUser`, `PinLength`,
    /// `PinCharacter`.
    pub fn set_pin(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        old: &[u8],
        new: &[u8],
    ) -> Result<(), Error> {
        let space = cluster.space();
        let users = self.view(|snapshot| read::users(snapshot, space))?;
        let (user, password) = match login {
            Some(login) => (own(&users, login)?, pin::password_of(&users, login.user.id, old)?),
            None => pin::resolve(&users, cluster.default_user, Role::CryptoUser, old)?,
        };
        let user = user.unverified();
        let names: Vec<&str> = users.iter().map(|user| user.unverified().name.as_str()).collect();
        pin::check_new(PasswordRules::Token, new, &names)?;
        let opened = self.attempt(space, user.id(), user.role(), password)?;
        let record = opened.cluster.unverified();
        self.put_password(Batch::new(), space, record, &opened.user, &opened.secrets, new)
    }
}

/// The record of the login's own user. Errors: `NotLoggedIn`.
fn own<'a>(users: &'a [Maced<UserRecord>], login: &Login) -> Result<&'a Maced<UserRecord>, Error> {
    let own = users.iter().find(|user| user.unverified().id() == login.user.id);
    own.ok_or(CallError::NotLoggedIn.into())
}

/// Adds the cluster's changed record.
fn put_cluster(batch: Batch, space: Space, record: &ClusterRecord, mac: &MacKey) -> Result<Batch, Error> {
    let key = keys::cluster(space.cluster);
    Ok(batch.put(key.as_slice(), records::Maced::encode(&key, record, mac)?))
}

fn to_user(record: &UserRecord, locked: bool) -> User {
    User { id: record.id(), name: record.name.clone(), role: record.role(), locked }
}

fn refused<T>(reason: String) -> Result<T, Error> {
    Err(ClusterError::Refused(reason).into())
}
