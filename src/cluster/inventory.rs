//! Whose objects there are: what an admin sees of them, who opens none, and what goes with a user.

use crate::cluster::keys::{self, Space};
use crate::cluster::login::Login;
use crate::cluster::records::ObjectRecord;
use crate::cluster::{Cluster, Clusters, ObjectId, Sharing, UserId, index, read};
use crate::error::{ClusterError, Error};
use std::fmt;
use std::ops::ControlFlow;
use vhsm_store::Snapshot;

/// What is lost with a user. Labels are not among it: only the user's own login opens them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    pub token_objects: usize,
    /// The users that some of them were shared with, and how many.
    pub shared_with: Vec<(String, usize)>,
    /// The user was an admin of a cluster with too many users: the cluster key, which it knows, stays.
    pub cluster_key_stays: bool,
}

impl Clusters {
    /// All token objects with their owners and those they are shared with, in the order of their ids: for admins.
    /// Errors: `LoginNeeded`, `NotLoggedIn`.
    pub fn inventory(&self, cluster: &Cluster, admin: &Login) -> Result<Vec<(ObjectId, Sharing)>, Error> {
        admin.check(cluster)?;
        admin.cluster_key()?;
        let mut found = self.view(|snapshot| {
            let users = read::users(snapshot, cluster.space())?;
            let stands = |id: &u32| users.iter().any(|user| user.unverified().id == *id);
            let mut found = Vec::new();
            read::scan(snapshot, &cluster.space().objects(), &mut |key, raw| {
                let (owner, id) =
                    keys::object_place(key).ok_or(ClusterError::Corrupt("key of an object record"))?;
                let shared_with = ObjectRecord::read(raw)?.1.shared_with;
                let owner = Some(owner).filter(|owner| *owner != index::PUBLIC);
                if owner.is_none_or(|owner| stands(&owner.0)) {
                    let shared_with = shared_with.into_iter().filter(stands).map(UserId).collect();
                    found.push((id, Sharing { owner, shared_with }));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(found)
        })?;
        found.sort_unstable_by_key(|(id, _)| *id);
        Ok(found)
    }
}

/// What goes with a user.
pub(super) fn lost_with(snapshot: &dyn Snapshot, space: Space, user: UserId) -> Result<Lost, Error> {
    let mut lost = Lost::default();
    let mut shared: Vec<(u32, usize)> = Vec::new();
    read::scan(snapshot, &space.objects_of(user), &mut |_, raw| {
        lost.token_objects += 1;
        for with in ObjectRecord::read(raw)?.1.shared_with {
            match shared.iter_mut().find(|(user, _)| *user == with) {
                Some((_, count)) => *count += 1,
                None => shared.push((with, 1)),
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for user in read::users(snapshot, space)? {
        let user = user.unverified();
        if let Some((_, count)) = shared.iter().find(|(id, _)| *id == user.id) {
            lost.shared_with.push((user.name.clone(), *count));
        }
    }
    Ok(lost)
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.token_objects == 1;
        write!(f, "{} token object{}", self.token_objects, if one { "" } else { "s" })?;
        let users: Vec<String> =
            self.shared_with.iter().map(|(name, count)| format!("{count} with {name:?}")).collect();
        if users.is_empty() { Ok(()) } else { write!(f, " (shared: {})", users.join(", ")) }
    }
}
