//! In how requests are taken: paths and methods, signatures, request metadata.

use super::super::proxy::{ACCESS_KEY_ID, SECRET};
use super::super::relay::{Answered, Asked, date_in};
use super::*;
use serde_json::json;

pub fn transport() -> Vec<Fault> {
    let unknown = |answered: &Answered| answered.is("InvalidUriPathException");
    let content_type = |answered: &mut Answered, value: &str| value.clone_into(&mut answered.headers[0].1);
    vec![
        answer(
            "closes each connection",
            |_, answered| {
                answered.headers.push(("connection".into(), "close".into()));
            },
            &["transport.keep-alive"],
        ),
        refuse(
            "takes no chunks",
            |asked| asked.header("transfer-encoding") == "chunked",
            (411, "ValidationException"),
            &["transport.chunked"],
        ),
        answer(
            "GET is a path that is not known",
            |asked, answered| {
                if asked.method == "GET" {
                    *answered = Answered::error(404, "InvalidUriPathException").unwrap();
                }
            },
            &["transport.get"],
        ),
        answer(
            "answers as text",
            move |_, answered| {
                if answered.status == 200 {
                    content_type(answered, "text/plain")
                }
            },
            &["transport.content-type"],
        ),
        answer(
            "errors as text",
            move |_, answered| {
                if answered.status != 200 {
                    content_type(answered, "text/plain")
                }
            },
            &["errors.content-type"],
        ),
        answer(
            "unknown paths are bad requests",
            move |_, answered| {
                if unknown(answered) {
                    *answered = Answered::error(400, "ValidationException").unwrap();
                }
            },
            &["transport.unknown-path", "transport.unknown-path-unsigned", "transport.unknown-prefix"],
        ),
        answer(
            "prefixes are not looked at",
            move |asked, answered| {
                if unknown(answered) && asked.path.contains("/invalid/") {
                    *answered = Answered::new(200, &json!({}));
                }
            },
            &["transport.unknown-prefix"],
        ),
        refuse(
            "unsigned requests are forbidden",
            |asked| asked.header("authorization").is_empty(),
            (403, "AccessDeniedException"),
            &["sigv4.query", "sigv4.unsigned", "transport.unknown-path-unsigned"],
        ),
    ]
}

pub fn signatures() -> Vec<Fault> {
    let credential = |asked: &Asked, text: &str| asked.part("Credential").contains(text);
    vec![
        sign(
            "no signature is looked at",
            |_| true,
            &[
                "sigv4.access-key-id",
                "sigv4.algorithm",
                "sigv4.body",
                "sigv4.date",
                "sigv4.date-unsigned",
                "sigv4.future-limit",
                "sigv4.host",
                "sigv4.host-unsigned",
                "sigv4.missing-date",
                "sigv4.missing-part",
                "sigv4.past-limit",
                "sigv4.path",
                "sigv4.query",
                "sigv4.region",
                "sigv4.scope-date",
                "sigv4.secret",
                "sigv4.service",
                "sigv4.signature",
                "sigv4.signed-header",
                "sigv4.terminator",
                "sigv4.unsigned",
                "sigv4.unsigned-payload",
            ],
        ),
        sign(
            "a signature of any secret is right",
            |asked| asked.is_consistent(&format!("Invalid{SECRET}")),
            &["sigv4.secret"],
        ),
        sign(
            "an access key id is not looked at",
            move |asked| !credential(asked, &format!("{ACCESS_KEY_ID}/")) && asked.is_consistent(SECRET),
            &["sigv4.access-key-id"],
        ),
        sign("a service is not looked at", move |asked| credential(asked, "/kms/"), &["sigv4.service"]),
        sign("a region is not looked at", move |asked| credential(asked, "-x/"), &["sigv4.region"]),
        sign(
            "a scope's end is not looked at",
            move |asked| credential(asked, "aws4_requests"),
            &["sigv4.terminator"],
        ),
        sign(
            "a scope's day is not looked at",
            move |asked| {
                let day = asked.header("x-amz-date").get(..8).unwrap_or("x").to_owned();
                !credential(asked, &format!("/{day}/")) && asked.is_consistent(SECRET)
            },
            &["sigv4.scope-date"],
        ),
        sign(
            "half of a signature is compared",
            |asked| {
                let (given, expected) = (asked.part("Signature"), asked.expected(SECRET));
                given != expected && given.get(..32) == expected.get(..32)
            },
            &["sigv4.signature"],
        ),
        sign(
            "a date's distance is not looked at",
            |asked| asked.is_consistent(SECRET) && !is_within(asked, 300),
            &["sigv4.future-limit", "sigv4.past-limit"],
        ),
        refuse(
            "clocks must be equal",
            move |asked| !asked.header("x-amz-date").is_empty() && !is_within(asked, 60),
            AUTHENTICATION,
            &["sigv4.future", "sigv4.past"],
        ),
        sign(
            "Host need not be signed",
            |asked| asked.part("SignedHeaders") == "x-amz-date",
            &["sigv4.host-unsigned"],
        ),
        sign(
            "the date need not be signed",
            |asked| asked.part("SignedHeaders") == "host",
            &["sigv4.date-unsigned"],
        ),
        refuse(
            "only two headers are signed",
            |asked| asked.part("SignedHeaders").matches(';').count() > 1,
            AUTHENTICATION,
            &["sigv4.content-sha256", "sigv4.more-headers", "sigv4.repeated", "sigv4.spaces"],
        ),
        refuse(
            "unknown headers are refused",
            |asked| !asked.header("via").is_empty(),
            AUTHENTICATION,
            &["sigv4.unsigned-headers"],
        ),
        refuse(
            "a space must be behind a comma",
            |asked| {
                let value = asked.header("authorization");
                !value.is_empty() && !value.contains(", ")
            },
            AUTHENTICATION,
            &["sigv4.commas"],
        ),
    ]
}

fn is_within(asked: &Asked, seconds: i64) -> bool {
    let (from, to) = (date_in(-seconds), date_in(seconds));
    (from.as_str()..=to.as_str()).contains(&asked.header("x-amz-date"))
}

/// Puts a member there where it is missing.
fn fill(member: &'static str, found_by: Found) -> Fault {
    change(
        member,
        move |body| {
            if let Some(metadata) =
                body["requestMetadata"].as_object_mut().filter(|metadata| !metadata.is_empty())
            {
                metadata.entry(member).or_insert(json!("text"));
            }
        },
        found_by,
    )
}

pub fn metadata() -> Vec<Fault> {
    let whole = json!({"awsPrincipalArn": "a", "kmsKeyArn": "a", "kmsOperation": "a", "kmsRequestId": "a"});
    vec![
        change(
            "requestMetadata is not needed",
            move |body| {
                if body["requestMetadata"].is_null() || body["requestMetadata"] == json!({}) {
                    body["requestMetadata"] = whole.clone();
                }
            },
            &["metadata.json", "metadata.missing", "metadata.types"],
        ),
        fill("awsPrincipalArn", &["metadata.awsPrincipalArn"]),
        fill("kmsKeyArn", &["metadata.kmsKeyArn"]),
        fill("kmsOperation", &["metadata.kmsOperation"]),
        fill("kmsRequestId", &["metadata.kmsRequestId"]),
        change(
            "a number is a text",
            |body| {
                if body["requestMetadata"]["kmsRequestId"].is_number() {
                    body["requestMetadata"]["kmsRequestId"] = json!("1");
                }
            },
            &["metadata.types"],
        ),
        refuse(
            "what is no JSON is an internal error",
            |asked| {
                asked.is_right(SECRET)
                    && asked.method == "POST"
                    && asked.json().is_null()
                    && !asked.is("/nothing")
            },
            INTERNAL,
            &["metadata.json"],
        ),
        refuse(
            "unknown members are refused",
            |asked| !asked.json()["someLaterMember"].is_null(),
            VALIDATION,
            &["metadata.extra"],
        ),
        refuse(
            "optional members are refused",
            |asked| !asked.metadata("awsSourceVpc").is_empty(),
            VALIDATION,
            &["metadata.optional"],
        ),
        refuse(
            "unknown operations are refused",
            |asked| asked.metadata("kmsOperation") == "SomeLaterOperation",
            VALIDATION,
            &["metadata.operation"],
        ),
        refuse(
            "a request's id is an UUID",
            |asked| {
                let id = asked.metadata("kmsRequestId");
                !id.is_empty() && uuid::Uuid::parse_str(&id).is_err()
            },
            VALIDATION,
            &["metadata.request-id"],
        ),
        refuse(
            "a principal is an ARN",
            |asked| {
                let principal = asked.metadata("awsPrincipalArn");
                !principal.is_empty() && !principal.starts_with("arn:")
            },
            VALIDATION,
            &["metadata.principal"],
        ),
        refuse(
            "ARNs have 512 characters at most",
            |asked| asked.metadata("awsPrincipalArn").len() + asked.metadata("kmsKeyArn").len() > 600,
            VALIDATION,
            &["metadata.long-arns"],
        ),
        refuse(
            "a key's ARN is one",
            |asked| asked.metadata("kmsKeyArn") == "no ARN",
            VALIDATION,
            &["metadata.key-arn"],
        ),
    ]
}
