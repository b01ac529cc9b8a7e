//! Signature Version 4: what is refused, and what must not be.

use super::super::calls::{AUTHENTICATION, Api};
use super::super::http::Request;
use super::super::outcome::{Outcome, ensure};
use super::super::proxy::Proxy;
use super::super::sign::{ALGORITHM, Parts, Signing, payload_hash};
use super::super::table::Check;
use super::super::target::API_PATH;
use serde_json::json;
use zeroize::Zeroizing;

const AUTH: &str = "Authentication";
/// Seconds: how far a request's date may be from the proxy's clock.
const SKEW: i64 = 300;
/// Seconds: how far apart the two clocks may be, and what a request takes.
const SLACK: i64 = 5;

pub const CHECKS: &[Check] = &[
    Check::must("sigv4.unsigned", AUTH, "each API refuses requests without a signature: 401", unsigned),
    Check::must("sigv4.secret", AUTH, "another secret is refused", |proxy| {
        refused(proxy, |signing| {
            signing.secret = Zeroizing::new(format!("Invalid{}", signing.secret.as_str()))
        })
    }),
    Check::must("sigv4.access-key-id", AUTH, "an unknown access key id is refused", access_key_id),
    Check::must(
        "sigv4.other-prefix",
        AUTH,
        "the credential opens no other key store of the proxy",
        other_prefix,
    ),
    Check::must("sigv4.service", AUTH, "a signature for another service is refused", |proxy| {
        refused(proxy, |signing| "kms".clone_into(&mut signing.service))
    }),
    Check::should("sigv4.region", AUTH, "a signature for another region is refused", |proxy| {
        refused(proxy, |signing| signing.region.push_str("-x"))
    }),
    Check::must(
        "sigv4.terminator",
        AUTH,
        "a scope that does not end with aws4_request is refused",
        |proxy| refused(proxy, |signing| signing.terminator.push('s')),
    ),
    Check::must(
        "sigv4.signature",
        AUTH,
        "a signature with one changed, missing or added digit is refused",
        signature,
    ),
    Check::must("sigv4.body", AUTH, "a body that was changed behind the signature is refused", body),
    Check::must("sigv4.path", AUTH, "a path that was changed behind the signature is refused", path),
    Check::must("sigv4.host", AUTH, "a Host that was changed behind the signature is refused", |proxy| {
        spoiled(proxy, &[], |request| request.replace("host", "elsewhere.example"))
    }),
    Check::must("sigv4.date", AUTH, "a date that was changed behind the signature is refused", |proxy| {
        spoiled(proxy, &[], |request| request.replace("x-amz-date", &super::super::sign::date(-10)))
    }),
    Check::must("sigv4.signed-header", AUTH, "another signed header that was changed is refused", |proxy| {
        spoiled(proxy, &["content-type"], |request| request.replace("content-type", "application/json; a=b"))
    }),
    Check::must(
        "sigv4.unsigned-payload",
        AUTH,
        "a signature that leaves the body out is refused",
        unsigned_payload,
    ),
    Check::must("sigv4.missing-date", AUTH, "a request without X-Amz-Date is refused", |proxy| {
        spoiled(proxy, &[], |request| request.without("x-amz-date"))
    }),
    Check::must(
        "sigv4.missing-part",
        AUTH,
        "an Authorization that lacks one of its parts is refused",
        missing_part,
    ),
    Check::must("sigv4.algorithm", AUTH, "another algorithm than AWS4-HMAC-SHA256 is refused", algorithm),
    Check::must("sigv4.query", AUTH, "a signature in the query is refused", query),
    Check::should(
        "sigv4.host-unsigned",
        AUTH,
        "a signature without Host among the signed headers is refused",
        |proxy| refused(proxy, |signing| signing.signed_headers.retain(|name| name != "host")),
    ),
    Check::should(
        "sigv4.date-unsigned",
        AUTH,
        "a signature without X-Amz-Date among the signed headers is refused",
        |proxy| refused(proxy, |signing| signing.signed_headers.retain(|name| name != "x-amz-date")),
    ),
    Check::should("sigv4.scope-date", AUTH, "a scope of another day than the date's is refused", |proxy| {
        refused(proxy, |signing| signing.scope_ahead = -86_400)
    }),
    Check::must("sigv4.past", AUTH, "a date 4:55 minutes ago is taken", |proxy| {
        taken(proxy, |signing| signing.ahead = SLACK - SKEW)
    }),
    Check::must("sigv4.past-limit", AUTH, "a date 5:05 minutes ago, or yesterday's, is refused", |proxy| {
        refused(proxy, |signing| signing.ahead = -86_400)?;
        refused(proxy, |signing| signing.ahead = -SKEW - SLACK)
    }),
    Check::must("sigv4.future", AUTH, "a date 4:55 minutes ahead is taken", |proxy| {
        taken(proxy, |signing| signing.ahead = SKEW - SLACK)
    }),
    Check::must(
        "sigv4.future-limit",
        AUTH,
        "a date 5:05 minutes ahead, or tomorrow's, is refused",
        |proxy| {
            refused(proxy, |signing| signing.ahead = 86_400)?;
            refused(proxy, |signing| signing.ahead = SKEW + SLACK)
        },
    ),
    Check::must("sigv4.more-headers", AUTH, "more signed headers than needed are honoured", |proxy| {
        let request = carrier(proxy).header("X-Kms-Extra", "some value");
        verdict(proxy, &signed(proxy.signing().also_signing(&["content-type", "x-kms-extra"]), request))
    }),
    Check::must("sigv4.content-sha256", AUTH, "a signed X-Amz-Content-Sha256 is honoured", |proxy| {
        let request = carrier(proxy);
        let hash = payload_hash(&request.body);
        let request = request.header("X-Amz-Content-Sha256", hash);
        verdict(proxy, &signed(proxy.signing().also_signing(&["x-amz-content-sha256"]), request))
    }),
    Check::should(
        "sigv4.spaces",
        "SigV4, canonical headers",
        "spaces in signed values are folded",
        |proxy| {
            let request = carrier(proxy).header("X-Kms-Extra", "a   b    c");
            verdict(proxy, &signed(proxy.signing().also_signing(&["x-kms-extra"]), request))
        },
    ),
    Check::should(
        "sigv4.repeated",
        "SigV4, canonical headers",
        "values of a repeated header are joined",
        |proxy| {
            let request = carrier(proxy).header("X-Kms-Extra", "one").header("X-Kms-Extra", "two");
            verdict(proxy, &signed(proxy.signing().also_signing(&["x-kms-extra"]), request))
        },
    ),
    Check::must("sigv4.unsigned-headers", AUTH, "headers that are not signed do no harm", |proxy| {
        let request = signed(proxy.signing(), carrier(proxy));
        verdict(proxy, &request.header("X-Forwarded-For", "192.0.2.1").header("Via", "1.1 balancer"))
    }),
    Check::should("sigv4.commas", AUTH, "no space is needed behind the commas of Authorization", commas),
];

/// A request that only its signature can be wrong with.
fn carrier(proxy: &Proxy) -> Request {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetKeyMetadata)});
    proxy.request(Api::GetKeyMetadata, &proxy.target.key, &body)
}

fn signed(signing: Signing, mut request: Request) -> Request {
    signing.sign(&mut request);
    request
}

/// Asserts that it is answered.
fn verdict(proxy: &Proxy, request: &Request) -> Outcome {
    let reply = proxy.answer(request)?;
    reply.ok()?;
    Ok(reply.told())
}

/// Asserts that it is refused.
fn refusal(proxy: &Proxy, request: &Request) -> Outcome {
    let reply = proxy.answer(request)?;
    reply.refused(&[AUTHENTICATION])
}

/// As `verdict`, signed in another way.
fn taken(proxy: &Proxy, change: fn(&mut Signing)) -> Outcome {
    let mut signing = proxy.signing();
    change(&mut signing);
    let reply = proxy.answer(&signed(signing, carrier(proxy)))?;
    reply.ok().map_err(|finding| finding.about(format!("proxy's clock {:?}", reply.header("date"))))?;
    Ok(reply.told())
}

/// As `refusal`, signed in another way.
fn refused(proxy: &Proxy, change: fn(&mut Signing)) -> Outcome {
    let mut signing = proxy.signing();
    change(&mut signing);
    refusal(proxy, &signed(signing, carrier(proxy)))
}

/// As `refusal`, changed behind the signature.
fn spoiled(proxy: &Proxy, also_signed: &[&str], spoil: fn(Request) -> Request) -> Outcome {
    refusal(proxy, &spoil(signed(proxy.signing().also_signing(also_signed), carrier(proxy))))
}

fn unsigned(proxy: &Proxy) -> Outcome {
    let sealed = proxy.encrypt(b"unsigned", None)?;
    let mut got = String::new();
    for api in Api::ALL {
        let request = proxy.request(api, &proxy.target.key, &proxy.good_body(api, &sealed));
        got = refusal(proxy, &request).map_err(|finding| finding.about(api.name()))?;
    }
    Ok(got)
}

fn access_key_id(proxy: &Proxy) -> Outcome {
    // One with a digit more, and one of the same length.
    refused(proxy, |signing| signing.access_key_id.push('A'))?;
    refused(proxy, |signing| {
        let last = signing.access_key_id.pop();
        signing.access_key_id.push(if last == Some('A') { 'B' } else { 'A' });
    })
}

fn other_prefix(proxy: &Proxy) -> Outcome {
    let prefix = super::transport::other_prefix(proxy)?;
    let mut request = carrier(proxy);
    request.path = format!("{prefix}{API_PATH}/health");
    let metadata = proxy.metadata(Api::GetHealthStatus);
    request.body = json!({"requestMetadata": metadata}).to_string().into_bytes();
    refusal(proxy, &proxy.signed(request))
}

/// The request as it is signed, with another Authorization than it should have.
fn authorized(proxy: &Proxy, write: impl Fn(&Parts) -> String) -> Request {
    let mut request = carrier(proxy);
    let parts = proxy.signing().parts(&mut request);
    request.header("Authorization", write(&parts))
}

fn signature(proxy: &Proxy) -> Outcome {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 5] = [
        ("first digit changed", |signature| changed(signature, 0)),
        ("last digit changed", |signature| changed(signature, signature.len() - 1)),
        ("last digit missing", |signature| signature[..signature.len() - 1].to_owned()),
        ("a digit more", |signature| format!("{signature}0")),
        ("all digits missing", |_| String::new()),
    ];
    for (what, change) in changes {
        let request = authorized(proxy, |parts| {
            Parts { signature: change(&parts.signature), ..parts.clone() }.header()
        });
        refusal(proxy, &request).map_err(|finding| finding.about(what))?;
    }
    Ok(AUTHENTICATION.to_owned())
}

fn changed(signature: &str, place: usize) -> String {
    let other = if signature[place..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &signature[..place], &signature[place + 1..])
}

fn body(proxy: &Proxy) -> Outcome {
    let mut request = signed(proxy.signing(), carrier(proxy));
    // Another request id is JSON as good as the first.
    request.body = carrier(proxy).body;
    refusal(proxy, &request)
}

fn path(proxy: &Proxy) -> Outcome {
    let mut request = signed(proxy.signing(), carrier(proxy));
    request.path = request.path.replace("/metadata", "/encrypt");
    refusal(proxy, &request)
}

fn unsigned_payload(proxy: &Proxy) -> Outcome {
    let mut signing = proxy.signing().also_signing(&["x-amz-content-sha256"]);
    signing.payload_hash = Some("UNSIGNED-PAYLOAD".to_owned());
    let request = carrier(proxy).header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
    refusal(proxy, &signed(signing, request))
}

fn missing_part(proxy: &Proxy) -> Outcome {
    type Write = fn(&Parts) -> String;
    let writes: [(&str, Write); 4] = [
        ("Credential", |p| {
            format!("{ALGORITHM} SignedHeaders={}, Signature={}", p.signed_headers, p.signature)
        }),
        ("SignedHeaders", |p| format!("{ALGORITHM} Credential={}, Signature={}", p.credential, p.signature)),
        ("Signature", |p| {
            format!("{ALGORITHM} Credential={}, SignedHeaders={}", p.credential, p.signed_headers)
        }),
        ("all", |_| ALGORITHM.to_owned()),
    ];
    for (what, write) in writes {
        refusal(proxy, &authorized(proxy, write))
            .map_err(|finding| finding.about(format!("without {what}")))?;
    }
    Ok(AUTHENTICATION.to_owned())
}

fn algorithm(proxy: &Proxy) -> Outcome {
    let other = |name: &'static str| move |parts: &Parts| parts.header().replace(ALGORITHM, name);
    refusal(proxy, &authorized(proxy, other("AWS4-HMAC-SHA512")))?;
    refusal(proxy, &authorized(proxy, other("Bearer")))
}

fn query(proxy: &Proxy) -> Outcome {
    let mut request = carrier(proxy);
    let parts = proxy.signing().parts(&mut request);
    let query = format!(
        "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-SignedHeaders={}&X-Amz-Signature={}",
        parts.credential.replace('/', "%2F"),
        request.value("x-amz-date"),
        parts.signed_headers.replace(';', "%3B"),
        parts.signature,
    );
    request.path = format!("{}?{query}", request.path);
    let reply = proxy.answer(&request)?;
    // The path with a query may as well be one that is not known.
    ensure(reply.status == 401 || reply.status == 404, || reply.told())?;
    Ok(reply.told())
}

fn commas(proxy: &Proxy) -> Outcome {
    verdict(proxy, &authorized(proxy, |parts| parts.header().replace(", ", ",")))
}
