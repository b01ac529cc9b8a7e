//! TagResource, UntagResource, ListTags.

use super::Operations;
use super::check::Check;
use super::refused::Refused;
use super::shapes::{TagShape, tag_shapes, tags};
use serde::{Deserialize, Serialize};
use vhsm_pkcs11::cluster::life::api;

/// MaxSize
const MAX_RESULTS: usize = 100;
/// ResourceId
const KINDS: &[&str] = &["cluster", "backup"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    resource_id: Option<String>,
    tag_list: Option<Vec<TagShape>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    resource_id: Option<String>,
    tag_key_list: Option<Vec<String>>,
}

/// Of operations that tell nothing.
#[derive(Serialize)]
pub(super) struct Empty {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsRequest {
    resource_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsResponse {
    tag_list: Vec<TagShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operations<'_> {
    pub(super) fn tag_resource(&self, request: TagResourceRequest) -> Result<Empty, Refused> {
        let mut check = Check::default();
        let resource = resource(&mut check, request.resource_id.as_deref());
        check.present("tagList", request.tag_list.is_some());
        check.finish()?;
        self.plane.tag_resource(resource, &tags(request.tag_list)?)?;
        Ok(Empty {})
    }

    pub(super) fn untag_resource(&self, request: UntagResourceRequest) -> Result<Empty, Refused> {
        let mut check = Check::default();
        let resource = resource(&mut check, request.resource_id.as_deref());
        check.present("tagKeyList", request.tag_key_list.is_some());
        check.finish()?;
        self.plane.untag_resource(resource, &request.tag_key_list.unwrap_or_default())?;
        Ok(Empty {})
    }

    pub(super) fn list_tags(&self, request: ListTagsRequest) -> Result<ListTagsResponse, Refused> {
        let mut check = Check::default();
        let resource_id = resource(&mut check, request.resource_id.as_deref()).to_owned();
        check.token(request.next_token.as_deref());
        let max_results = check.page(request.max_results, MAX_RESULTS);
        check.finish()?;
        let request = api::ListTagsRequest { resource_id, next_token: request.next_token, max_results };
        let answer = self.plane.list_tags(&request)?;
        Ok(ListTagsResponse { tag_list: tag_shapes(&answer.tags), next_token: answer.next_token })
    }
}

fn resource<'a>(check: &mut Check, id: Option<&'a str>) -> &'a str {
    check.id("resourceId", id, KINDS);
    check.required("resourceId", id)
}
