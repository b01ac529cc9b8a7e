//! A CloudTrail event (CloudTrail user guide, "CloudTrail record contents"), version 1.08.

use serde::Serialize;
use serde_json::Value;
use std::time::SystemTime;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    event_version: &'static str,
    user_identity: Identity,
    /// RFC 3339, in seconds.
    event_time: String,
    event_source: &'static str,
    event_name: &'static str,
    aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    source_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    request_parameters: Value,
    response_elements: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    additional_event_data: Value,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<[Resource; 1]>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: String,
    event_category: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    account_id: String,
    r#type: &'static str,
    #[serde(rename = "ARN")]
    arn: String,
}

/// What the HTTP layer knows of a request.
pub struct Circumstances {
    pub event_source: &'static str,
    pub region: String,
    pub source_address: String,
    pub user_agent: String,
    pub request_id: String,
    pub identity: Identity,
}

/// CloudTrail's userIdentity.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `Root` or `IAMUser`.
    pub r#type: &'static str,
    pub principal_id: String,
    pub arn: String,
    pub account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

impl Event {
    /// `None`: the request named no operation that there is.
    pub fn new(of: Circumstances, record: crate::http::service::Record) -> Option<Self> {
        let (error_code, error_message) = record.error.unzip();
        let account_id = of.identity.account_id.clone();
        let resource = |arn| [Resource { account_id, r#type: "AWS::KMS::Key", arn }];
        Some(Self {
            event_version: "1.08",
            recipient_account_id: of.identity.account_id.clone(),
            user_identity: of.identity,
            event_time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            event_source: of.event_source,
            event_name: record.operation?,
            aws_region: of.region,
            source_address: of.source_address,
            user_agent: of.user_agent,
            error_code,
            error_message,
            request_parameters: record.request,
            response_elements: record.response,
            additional_event_data: record.additional,
            request_id: of.request_id,
            event_id: uuid::Uuid::new_v4().to_string(),
            read_only: record.read_only,
            resources: record.key.map(resource),
            event_type: "AwsApiCall",
            management_event: true,
            event_category: "Management",
        })
    }

    /// As a line.
    pub(super) fn write(&self, text: &mut Vec<u8>) {
        // Text, numbers and maps with text as keys: this cannot fail.
        let _ = serde_json::to_writer(&mut *text, self);
        text.push(b'\n');
    }
}
