//! requestMetadata, and requests as JSON: what is required, and what must be tolerated.

use super::super::calls::{ACCESS_DENIED, Api, Sealed, VALIDATION};
use super::super::outcome::{Finding, Outcome};
use super::super::proxy::Proxy;
use super::super::table::Check;
use serde_json::{Value, json};

const METADATA: &str = "Request metadata";
/// What ARNs may have.
const ARN_CHARS: usize = 2048;

pub const CHECKS: &[Check] = &[
    Check::must(
        "metadata.missing",
        METADATA,
        "each API answers ValidationException where requestMetadata is missing or {}",
        missing,
    ),
    Check::must(
        "metadata.awsPrincipalArn",
        METADATA,
        "ValidationException where it is required and missing",
        |proxy| required(proxy, "awsPrincipalArn"),
    ),
    Check::must(
        "metadata.kmsKeyArn",
        METADATA,
        "ValidationException where it is required and missing",
        |proxy| required(proxy, "kmsKeyArn"),
    ),
    Check::must("metadata.kmsOperation", METADATA, "ValidationException where it is missing", |proxy| {
        required(proxy, "kmsOperation")
    }),
    Check::must("metadata.kmsRequestId", METADATA, "ValidationException where it is missing", |proxy| {
        required(proxy, "kmsRequestId")
    }),
    Check::must(
        "metadata.types",
        METADATA,
        "ValidationException where a member is no string, or requestMetadata no object",
        types,
    ),
    Check::must(
        "metadata.json",
        "Error codes",
        "ValidationException where the body is no JSON object",
        no_json,
    ),
    Check::must(
        "metadata.extra",
        METADATA,
        "members that the specification does not know are tolerated",
        extra,
    ),
    Check::must("metadata.optional", METADATA, "optional members are taken", optional),
    Check::must(
        "metadata.operation",
        METADATA,
        "a kmsOperation that is not known is no reason for ValidationException",
        operation,
    ),
    Check::must("metadata.request-id", METADATA, "a kmsRequestId may be any text", request_id),
    Check::must(
        "metadata.principal",
        METADATA,
        "a principal may be a service's, \"AWS Internal\", or of any form",
        principal,
    ),
    Check::must("metadata.long-arns", METADATA, "ARNs may have 2048 characters", long_arns),
    Check::must("metadata.key-arn", METADATA, "kmsKeyArn may be of any form", key_arn),
];

/// A ciphertext, which the requests of Decrypt need.
fn sealed(proxy: &Proxy) -> Result<Sealed, Finding> {
    proxy.encrypt(b"request metadata", None)
}

/// Asserts ValidationException of each API for requests changed like this. `None`: this API's is not looked at.
fn invalid(proxy: &Proxy, change: impl Fn(Api, Value) -> Option<Value>) -> Outcome {
    let sealed = sealed(proxy)?;
    let mut got = String::new();
    for api in Api::ALL {
        if let Some(body) = change(api, proxy.good_body(api, &sealed)) {
            let reply = proxy.call(api, &body)?;
            got = reply.refused(&[VALIDATION]).map_err(|finding| finding.about(api.name()))?;
        }
    }
    Ok(got)
}

fn missing(proxy: &Proxy) -> Outcome {
    invalid(proxy, |_, mut body| {
        body.as_object_mut()?.remove("requestMetadata");
        Some(body)
    })?;
    invalid(proxy, |_, mut body| {
        body["requestMetadata"] = json!({});
        Some(body)
    })
}

fn required(proxy: &Proxy, member: &str) -> Outcome {
    invalid(proxy, |api, mut body| {
        let here = api.required_metadata().contains(&member);
        body["requestMetadata"].as_object_mut()?.remove(member);
        here.then_some(body)
    })
}

fn types(proxy: &Proxy) -> Outcome {
    for wrong in [json!(null), json!("text"), json!(["text"]), json!(1)] {
        let about = |finding: Finding| finding.about(format!("requestMetadata {wrong}"));
        invalid(proxy, |_, mut body| {
            body["requestMetadata"] = wrong.clone();
            Some(body)
        })
        .map_err(about)?;
    }
    for wrong in [json!(null), json!(1), json!({}), json!(["text"])] {
        let about = |finding: Finding| finding.about(format!("kmsRequestId {wrong}"));
        invalid(proxy, |_, mut body| {
            body["requestMetadata"]["kmsRequestId"] = wrong.clone();
            Some(body)
        })
        .map_err(about)?;
    }
    Ok(VALIDATION.to_owned())
}

fn no_json(proxy: &Proxy) -> Outcome {
    let whole = json!({"requestMetadata": proxy.metadata(Api::GetHealthStatus)}).to_string().into_bytes();
    let bodies: [(&str, Vec<u8>); 6] = [
        ("empty", Vec::new()),
        ("{}", b"{}".to_vec()),
        ("[]", b"[]".to_vec()),
        ("text", b"no JSON".to_vec()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("no UTF-8", [&whole[..], &b"\xff"[..]].concat()),
    ];
    for (what, body) in bodies {
        let request = proxy.signed(proxy.raw_request("/health", body.clone()));
        let told = |finding: Finding| finding.about(format!("body {what}"));
        proxy.answer(&request)?.refused(&[VALIDATION]).map_err(told)?;
        let path = format!("/keys/{}/encrypt", proxy.target.key);
        let request = proxy.signed(proxy.raw_request(&path, body));
        proxy.answer(&request)?.refused(&[VALIDATION]).map_err(told)?;
    }
    Ok(VALIDATION.to_owned())
}

/// Asserts that each API takes requests changed like this; authorization may deny them.
fn tolerated(proxy: &Proxy, change: impl Fn(Api, &mut Value)) -> Outcome {
    let sealed = sealed(proxy)?;
    let mut denied = Vec::new();
    for api in Api::ALL {
        let mut body = proxy.good_body(api, &sealed);
        change(api, &mut body);
        let reply = proxy.call(api, &body)?;
        match reply.error_name().as_deref() {
            Some(ACCESS_DENIED) if api != Api::GetHealthStatus => denied.push(api.name()),
            _ => drop(reply.ok().map_err(|finding| finding.about(api.name()))?),
        }
    }
    match denied.is_empty() {
        true => Ok("HTTP 200".to_owned()),
        false => Ok(format!("{ACCESS_DENIED} of {}", denied.join(", "))),
    }
}

/// As `tolerated`, where a member that the API has gets each of these values.
fn values(proxy: &Proxy, member: &str, values: &[&str]) -> Outcome {
    let mut got = String::new();
    for value in values {
        let shown: String = value.chars().take(60).collect();
        let set = |_, body: &mut Value| {
            if let Some(old) = body["requestMetadata"].get_mut(member) {
                *old = json!(value);
            }
        };
        got = tolerated(proxy, set).map_err(|finding| finding.about(format!("{shown:?}")))?;
    }
    Ok(got)
}

fn extra(proxy: &Proxy) -> Outcome {
    tolerated(proxy, |_, body| {
        body["someLaterMember"] = json!({"a": [1, null, "x"]});
        body["requestMetadata"]["someLaterMember"] = json!({"a": [1, null, "x"]});
        body["requestMetadata"]["kmsLaterText"] = json!("text");
    })
}

fn optional(proxy: &Proxy) -> Outcome {
    let arn = &proxy.target.kms_key_arn;
    tolerated(proxy, |api, body| {
        if api != Api::GetHealthStatus {
            let metadata = &mut body["requestMetadata"];
            metadata["awsSourceVpc"] = json!("vpc-1234567890abcdef0");
            metadata["awsSourceVpce"] = json!("vpce-1234567890abcdef0");
            metadata["kmsViaService"] = json!("ebs");
            metadata["kmsKeyArn"] = json!(arn);
        }
    })
}

fn operation(proxy: &Proxy) -> Outcome {
    values(proxy, "kmsOperation", &["SomeLaterOperation", "ReEncrypt", "DescribeKey"])
}

fn request_id(proxy: &Proxy) -> Outcome {
    values(
        proxy,
        "kmsRequestId",
        &["x", "4112a7d7 (no UUID)/\\\"'", "\u{e4}\u{4e2d}\u{1f511}", &"i".repeat(256)],
    )
}

fn principal(proxy: &Proxy) -> Outcome {
    let forms = [
        "AWS Internal",
        "ebs.amazonaws.com",
        "arn:aws:sts::123456789012:assumed-role/Admin/session@example.com",
        "arn:aws:iam::123456789012:user/a/b/c+=,.@-_",
        "arn:aws-cn:iam::123456789012:root",
        "123456789012",
        "arn:aws:iam::123456789012:user/\u{e4}\u{4e2d}",
    ];
    values(proxy, "awsPrincipalArn", &forms)
}

fn long_arns(proxy: &Proxy) -> Outcome {
    let long = |start: &str| format!("{start}{}", "a".repeat(ARN_CHARS - start.len()));
    values(proxy, "awsPrincipalArn", &[&long("arn:aws:iam::123456789012:user/")])?;
    values(proxy, "kmsKeyArn", &[&long("arn:aws:kms:us-east-1:123456789012:key/")])
}

fn key_arn(proxy: &Proxy) -> Outcome {
    let forms = [
        "arn:aws:kms:us-east-1:123456789012:/key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "no ARN",
    ];
    values(proxy, "kmsKeyArn", &forms)
}
