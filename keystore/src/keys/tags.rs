//! TagResource, UntagResource, ListResourceTags.

use super::api::{
    ListResourceTagsRequest, ListResourceTagsResponse, Tag, TagResourceRequest, UntagResourceRequest,
};
use super::states::Operation;
use crate::error::{Exception, KmsError};
use crate::kms::{Caller, Kms};
use crate::page::{self, Page};
use crate::records::key::KeyDetails;
use crate::records::{Change, keys};
use crate::validate::{Check, KEY_ID, Text};
use std::collections::BTreeMap;

/// TagKeyType
const TAG_KEY: Text = Text::new(1, 128);
/// TagValueType
const TAG_VALUE: Text = Text::new(0, 256);
/// The most tags of a page.
const PAGE: usize = 50;
/// What AWS alone may use.
const RESERVED: &str = "aws:";

pub(super) type Tags = BTreeMap<String, String>;

impl Kms {
    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `KmsInvalidState`, `LimitExceeded`, `Tag`.
    pub fn tag_resource(&self, _caller: &Caller, request: &TagResourceRequest) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.present("tags", request.tags.is_some());
        let tags = request.tags.as_deref().unwrap_or_default();
        check_members(&mut check, tags);
        check.finish()?;
        let added = tags_of(tags)?;
        self.change_details(Operation::TagResource, key_id, |details| {
            details.tags.extend(added.clone());
            self.check_tag_count(&details.tags)
        })
    }

    /// Tags that are not there are no error. Errors: `Validation`, `NotFound`, `InvalidArn`, `KmsInvalidState`, `Tag`.
    pub fn untag_resource(&self, _caller: &Caller, request: &UntagResourceRequest) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.present("tagKeys", request.tag_keys.is_some());
        let tag_keys = request.tag_keys.as_deref().unwrap_or_default();
        check.each("tagKeys", tag_keys, &TAG_KEY);
        check.finish()?;
        tag_keys.iter().try_for_each(|key| check_text(key))?;
        self.change_details(Operation::UntagResource, key_id, |details| {
            details.tags.retain(|key, _| !tag_keys.contains(key));
            Ok(())
        })
    }

    /// By tag key. Errors: `Validation`, `NotFound`, `InvalidArn`, `InvalidMarker`.
    pub fn list_resource_tags(
        &self,
        _caller: &Caller,
        request: &ListResourceTagsRequest,
    ) -> Result<ListResourceTagsResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        let (from, to) = (Vec::new(), vec![0xff]);
        let from = page::start(keys::KEY_DETAILS, request.marker.as_deref(), &from, &to)?;
        let details = self.details_of(Operation::ListResourceTags, key_id)?;
        let mut page = Page::of_at_most(PAGE, request.limit, PAGE);
        for (key, value) in details.tags.into_iter().filter(|(key, _)| key.as_bytes() >= &from[..]) {
            let place = key.clone().into_bytes();
            if page.push(&place, Tag { tag_key: Some(key), tag_value: Some(value) }).is_break() {
                break;
            }
        }
        let (tags, next_marker, truncated) = page.finish(keys::KEY_DETAILS);
        Ok(ListResourceTagsResponse { tags, next_marker, truncated })
    }

    /// Errors: `LimitExceeded`.
    pub(super) fn check_tag_count(&self, tags: &Tags) -> Result<(), KmsError> {
        let most = self.settings.limits.tags_per_key;
        match tags.len() > most {
            true => Err(KmsError::new(
                Exception::LimitExceeded,
                format!("A KMS key can have at most {most} tags."),
            )),
            false => Ok(()),
        }
    }

    /// The details of a key, for an operation that reads them.
    pub(super) fn details_of(&self, operation: Operation, key_id: &str) -> Result<KeyDetails, KmsError> {
        self.view(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(operation, &key)?;
            Ok(view.key_details(&key.id)?.value)
        })
    }

    /// Changes the details of a key durably, if `change` makes a difference.
    pub(super) fn change_details(
        &self,
        operation: Operation,
        key_id: &str,
        change: impl Fn(&mut KeyDetails) -> Result<(), KmsError>,
    ) -> Result<(), KmsError> {
        self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(operation, &key)?;
            let read = view.key_details(&key.id)?;
            let mut details = read.value.clone();
            change(&mut details)?;
            match details == read.value {
                true => Ok((Change::default(), ())),
                false => Ok((Change::default().keep(&key.record).update(&read, &details)?, ())),
            }
        })
    }
}

/// What the model demands of each tag.
pub(super) fn check_members(check: &mut Check, tags: &[Tag]) {
    for (number, tag) in (1..).zip(tags) {
        check.required(format!("tags.{number}.member.tagKey"), tag.tag_key.as_deref(), &TAG_KEY);
        check.required(format!("tags.{number}.member.tagValue"), tag.tag_value.as_deref(), &TAG_VALUE);
    }
}

/// Tags that `check_members` let pass. Errors: `Tag`: one key twice, keys of AWS, characters that tags cannot have.
pub(super) fn tags_of(tags: &[Tag]) -> Result<Tags, KmsError> {
    let mut all = Tags::new();
    for tag in tags {
        let (key, value) =
            (tag.tag_key.clone().unwrap_or_default(), tag.tag_value.clone().unwrap_or_default());
        check_text(&key)?;
        check_characters(&value)?;
        if let Some(_twice) = all.insert(key, value) {
            return wrong("Duplicate tag keys found. Each tag key must be unique.");
        }
    }
    Ok(all)
}

fn check_text(key: &str) -> Result<(), KmsError> {
    match key.to_lowercase().starts_with(RESERVED) {
        true => wrong("Tag keys that begin with aws: are reserved for AWS."),
        false => check_characters(key),
    }
}

fn check_characters(text: &str) -> Result<(), KmsError> {
    let may = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    match text.chars().all(may) {
        true => Ok(()),
        false => wrong("Tags can only contain letters, numbers, spaces and _ . : / = + - @"),
    }
}

fn wrong<T>(message: &str) -> Result<T, KmsError> {
    Err(KmsError::new(Exception::Tag, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { tag_key: Some(key.into()), tag_value: Some(value.into()) }
    }

    #[test]
    fn tags_are_pairs_with_distinct_keys() {
        let tags = tags_of(&[tag("b", ""), tag("A", "x y"), tag("a", "1+1=2")]).unwrap();
        assert_eq!(tags.into_keys().collect::<Vec<_>>(), ["A", "a", "b"]);
    }

    #[test]
    fn wrong_tags_are_told() {
        for (tags, said) in [
            (vec![tag("a", "1"), tag("a", "2")], "Duplicate"),
            (vec![tag("aws:x", "")], "reserved"),
            (vec![tag("AWS:x", "")], "reserved"),
            (vec![tag("a*", "")], "only contain"),
            (vec![tag("a", "<")], "only contain"),
        ] {
            let error = tags_of(&tags).unwrap_err();
            assert_eq!(error.exception, Exception::Tag, "{tags:?}");
            assert!(error.message.contains(said), "{error}");
        }
    }

    #[test]
    fn members_are_told_by_their_place() {
        let mut check = Check::default();
        check_members(&mut check, &[tag("a", "b"), Tag { tag_key: Some(String::new()), tag_value: None }]);
        let message = check.finish().unwrap_err().message;
        assert!(
            message.starts_with("2 validation errors detected: Value '' at 'tags.2.member.tagKey'"),
            "{message}"
        );
        assert!(message.contains("Value null at 'tags.2.member.tagValue'"), "{message}");
    }
}
