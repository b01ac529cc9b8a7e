//! The form of errors: of those that this group provokes, and of all that the groups before it saw.

use super::super::calls::{Api, Sealed, random};
use super::super::outcome::{Finding, Outcome, ensure, missed};
use super::super::proxy::Proxy;
use super::super::table::Check;
use super::transport::is_json;
use serde_json::{Value, json};

const ERRORS: &str = "Error codes";
/// errorMessage has fewer.
const MESSAGE_CHARS: usize = 512;
/// The specification's names, and the status that goes with each.
const NAMES: &[(&str, u16)] = &[
    ("ValidationException", 400),
    ("InvalidStateException", 400),
    ("InvalidCiphertextException", 400),
    ("InvalidKeyUsageException", 400),
    ("AuthenticationFailedException", 401),
    ("AccessDeniedException", 403),
    ("KeyNotFoundException", 404),
    ("InvalidUriPathException", 404),
    ("ThrottlingException", 429),
    ("InternalException", 500),
    ("UnsupportedOperationException", 501),
    ("DependencyTimeoutException", 503),
];
/// The specification names no error for it, and no form.
const METHOD_NOT_ALLOWED: u16 = 405;

pub const CHECKS: &[Check] = &[
    Check::must("errors.json", ERRORS, "errors are JSON objects whose errorName is a text", |proxy| {
        all(proxy, |error| {
            ensure(error.name().is_some(), || format!("HTTP {} with another body", error.status))
        })
    }),
    Check::must("errors.name", ERRORS, "errorName is one of the specification's", |proxy| {
        all(proxy, |error| {
            let Some(name) = error.name() else { return Ok(()) };
            ensure(NAMES.iter().any(|(known, _)| *known == name), || name.to_owned())
        })
    }),
    Check::must("errors.status", ERRORS, "each errorName comes with its status", |proxy| {
        all(proxy, |error| {
            let known = NAMES.iter().find(|(known, _)| error.name() == Some(known));
            let Some((name, status)) = known else { return Ok(()) };
            ensure(error.status == *status, || format!("{name} with HTTP {}", error.status))
        })
    }),
    Check::must("errors.content-type", ERRORS, "errors have the content type application/json", |proxy| {
        all(proxy, |error| ensure(is_json(&error.content_type), || format!("{:?}", error.content_type)))
    }),
    Check::must(
        "errors.message",
        ERRORS,
        "errorMessage, where there is one, is a text of printable ASCII",
        |proxy| {
            all(proxy, |error| match error.message() {
                None => Ok(()),
                Some(Value::String(text)) => {
                    let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
                    ensure(printable, || "one with other characters".to_owned())
                }
                Some(_) => Err(missed("one that is no text")),
            })
        },
    ),
    Check::must("errors.message-length", ERRORS, "errorMessage has fewer than 512 characters", |proxy| {
        all(proxy, |error| {
            let length = error.message().and_then(Value::as_str).map_or(0, |text| text.chars().count());
            ensure(length < MESSAGE_CHARS, || format!("{length} characters"))
        })
    }),
    Check::must(
        "errors.secrets",
        "Logging",
        "no error shows the secret access key, a plaintext or a ciphertext",
        secrets,
    ),
];

struct Seen {
    status: u16,
    content_type: String,
    body: Vec<u8>,
    json: Value,
}

impl Seen {
    fn name(&self) -> Option<&str> {
        self.json.get("errorName")?.as_str()
    }

    fn message(&self) -> Option<&Value> {
        self.json.get("errorMessage").filter(|message| !message.is_null())
    }
}

/// Lets the proxy answer by an error each: signature, path, key, request, ciphertext, usage. Which one it says is not asked here.
fn provoke(proxy: &Proxy) -> Result<(), Finding> {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetKeyMetadata)});
    proxy.answer(&proxy.request(Api::GetKeyMetadata, &proxy.target.key, &body))?;
    proxy.answer(&proxy.signed(proxy.raw_request("/nothing", Vec::new())))?;
    proxy.call_key(Api::GetKeyMetadata, "no-such-key", &body)?;
    proxy.call(Api::GetKeyMetadata, &json!({}))?;
    let sealed =
        Sealed { ciphertext: random(32), iv: random(12), tag: random(16), metadata: None, cdiv: None };
    proxy.decrypt(&sealed, None)?;
    if let Some(key) = &proxy.target.no_use_key {
        proxy.call_key(Api::Encrypt, key, &proxy.encrypt_body(&random(32), None, false))?;
    }
    Ok(())
}

fn errors(proxy: &Proxy) -> Result<Vec<Seen>, Finding> {
    provoke(proxy)?;
    let errors = proxy.seen(|seen| seen.errors.clone());
    let errors = errors.into_iter().map(|(status, content_type, body)| {
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Seen { status, content_type, body, json }
    });
    Ok(errors.filter(|error| error.status != METHOD_NOT_ALLOWED).collect())
}

fn all(proxy: &Proxy, judge: fn(&Seen) -> Result<(), Finding>) -> Outcome {
    let errors = errors(proxy)?;
    for error in &errors {
        judge(error).map_err(|finding| match error.name() {
            Some(name) => finding.about(name),
            None => finding,
        })?;
    }
    Ok(format!("{} different errors", errors.len()))
}

fn secrets(proxy: &Proxy) -> Outcome {
    let errors = errors(proxy)?;
    let secret = proxy.target.secret.as_bytes();
    for error in &errors {
        let shown = error.body.windows(secret.len()).any(|part| part == secret);
        ensure(!shown, || format!("the secret access key, with HTTP {}", error.status))?;
        for member in ["plaintext", "ciphertext"] {
            ensure(error.json.get(member).is_none(), || format!("{member}, with HTTP {}", error.status))?;
        }
    }
    Ok(format!("{} different errors", errors.len()))
}
