//! TagResource, UntagResource and ListTags, of clusters.

use super::api::{ListTagsAnswer, ListTagsRequest};
use super::describe::{max_results, position, token};
use super::{ControlPlane, check};
use crate::cluster::Tag;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

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
        self.change_tags(resource_id, |kept| {
            kept.retain(|tag| !keys.contains(&tag.key));
            Ok(())
        })
    }

    /// ListTags. Errors: `Input`, `NotFound`.
    pub fn list_tags(&self, request: &ListTagsRequest) -> Result<ListTagsAnswer, Error> {
        check::cluster_id(&request.resource_id)?;
        let most = max_results(request.max_results, MAX_RESULTS)?;
        let from = request.next_token.as_deref().map(position).transpose()?.unwrap_or(0);
        let cluster = self.clusters.find(&request.resource_id)?;
        let tags: Vec<Tag> = cluster.backing.tags.iter().skip(from as usize).take(most).cloned().collect();
        let upto = from + tags.len() as u32;
        let next_token = ((upto as usize) < cluster.backing.tags.len()).then(|| token(upto));
        Ok(ListTagsAnswer { tags, next_token })
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
