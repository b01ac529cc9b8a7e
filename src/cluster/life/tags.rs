//! TagResource, UntagResource and ListTags, of clusters and backups.

use super::api::{ListTagsAnswer, ListTagsRequest};
use super::describe::{max_results, position, token};
use super::{ControlPlane, check};
use crate::cluster::Tag;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

/// What a BackupId begins with.
const BACKUP: &str = "backup-";
/// MaxSize
const MAX_RESULTS: usize = 100;

impl ControlPlane<'_> {
    /// TagResource: tags with the same keys get other values. Errors: `Input`, `Tag`, `TooManyTags`, `NotFound`, those of
    /// `Authority`.
    pub fn tag_resource(&self, resource_id: &str, tags: &[Tag]) -> Result<(), Error> {
        if tags.is_empty() {
            return check::bad("TagList", "it is empty");
        }
        check::tags(tags)?;
        if check::is_name(BACKUP, resource_id) {
            return self.tag_backup(resource_id, tags);
        }
        self.change_tags(resource_id, |kept| {
            kept.retain(|old| tags.iter().all(|new| new.key != old.key));
            kept.extend_from_slice(tags);
            match kept.len() {
                too_many if too_many > check::MAX_TAGS => {
                    Err(LifeError::TooManyTags { limit: check::MAX_TAGS }.into())
                }
                _ => Ok(()),
            }
        })
    }

    /// UntagResource: keys that are not there are none. Errors: `Input`, `Tag`, `NotFound`, those of `Authority`.
    pub fn untag_resource(&self, resource_id: &str, keys: &[String]) -> Result<(), Error> {
        if !(1..=check::MAX_TAGS).contains(&keys.len()) {
            return check::bad("TagKeyList", format!("{} keys are not 1 to {}", keys.len(), check::MAX_TAGS));
        }
        keys.iter().try_for_each(|key| check::tag_key(key))?;
        if check::is_name(BACKUP, resource_id) {
            self.authority()?;
            return self.clusters.tag_backup(resource_id, &[], keys).map(drop);
        }
        self.change_tags(resource_id, |kept| {
            kept.retain(|tag| !keys.contains(&tag.key));
            Ok(())
        })
    }

    /// ListTags. Errors: `Input`, `NotFound`.
    pub fn list_tags(&self, request: &ListTagsRequest) -> Result<ListTagsAnswer, Error> {
        let most = max_results(request.max_results, MAX_RESULTS)?;
        let from = request.next_token.as_deref().map(position).transpose()?.unwrap_or(0);
        let all = if check::is_name(BACKUP, &request.resource_id) {
            self.clusters.backup(&request.resource_id)?.tags
        } else {
            check::cluster_id(&request.resource_id)?;
            self.clusters.find(&request.resource_id)?.backing.tags.clone()
        };
        let tags: Vec<Tag> = all.iter().skip(from as usize).take(most).cloned().collect();
        let upto = from + tags.len() as u32;
        let next_token = ((upto as usize) < all.len()).then(|| token(upto));
        Ok(ListTagsAnswer { tags, next_token })
    }

    fn tag_backup(&self, backup_id: &str, tags: &[Tag]) -> Result<(), Error> {
        self.authority()?;
        let kept = self.clusters.backup(backup_id)?.tags;
        let others = kept.iter().filter(|old| tags.iter().all(|new| new.key != old.key)).count();
        if others + tags.len() > check::MAX_TAGS {
            return Err(LifeError::TooManyTags { limit: check::MAX_TAGS }.into());
        }
        self.clusters.tag_backup(backup_id, tags, &[]).map(drop)
    }

    fn change_tags(
        &self,
        resource_id: &str,
        change: impl Fn(&mut Vec<Tag>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.clusters.retry(|| {
            let open = self.open(resource_id)?;
            let mut record = open.record().clone();
            change(&mut record.backing.tags)?;
            self.clusters.store.commit(open.change(Batch::new(), &record)?)?;
            Ok(())
        })
    }
}
