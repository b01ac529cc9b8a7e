//! HTTP: versions, methods, paths, content types.

use super::super::calls::{AUTHENTICATION, Api, INVALID_URI_PATH};
use super::super::http::Request;
use super::super::outcome::{Finding, Outcome, ensure, missed, skipped};
use super::super::proxy::Proxy;
use super::super::raw::Raw;
use super::super::table::Check;
use super::super::target::API_PATH;
use super::super::wire::{HTTP_1, HTTP_2, Offer};
use hyper::Version;
use serde_json::json;

const TRANSPORT: &str = "Transport";
const PATHS: &str = "URI path";

pub const CHECKS: &[Check] = &[
    Check::must(
        "transport.alpn",
        TRANSPORT,
        "a client that offers HTTP/2 and HTTP/1.1 is answered in the one that was agreed on",
        alpn,
    ),
    Check::must("transport.no-alpn", TRANSPORT, "HTTP/1.1 is spoken to a client without ALPN", no_alpn),
    Check::should("transport.http-2", TRANSPORT, "HTTP/2 is spoken to a client that can", http_2),
    Check::should(
        "transport.keep-alive",
        "RFC 9112 sec. 9.3",
        "a connection takes several requests",
        keep_alive,
    ),
    Check::must(
        "transport.header-case",
        "RFC 9110 sec. 5.1",
        "names of headers may be in any case",
        header_case,
    ),
    Check::should("transport.chunked", "RFC 9112 sec. 7.1", "a body may come in chunks", chunked),
    Check::must("transport.get", TRANSPORT, "GET on the four paths is answered by status 405", get),
    Check::must(
        "transport.content-type",
        TRANSPORT,
        "answers with status 200 have the content type application/json",
        content_type,
    ),
    Check::must(
        "transport.unknown-path",
        PATHS,
        "404 InvalidUriPathException on unknown paths",
        unknown_path,
    ),
    Check::must(
        "transport.unknown-prefix",
        PATHS,
        "404 InvalidUriPathException on unknown prefixes",
        unknown_prefix,
    ),
    Check::must(
        "transport.unknown-path-unsigned",
        PATHS,
        "InvalidUriPathException or AuthenticationFailedException on an unknown path without a signature",
        unknown_path_unsigned,
    ),
];

fn health(proxy: &Proxy) -> Request {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetHealthStatus)});
    proxy.signed(proxy.request(Api::GetHealthStatus, "", &body))
}

/// One call on a connection of its own; the answer's version.
fn spoken(proxy: &Proxy, protocols: &'static [&'static [u8]]) -> Result<Version, Finding> {
    let reply = proxy.once(&Offer { protocols, ..proxy.offer() }, &health(proxy));
    let reply = reply.map_err(|broken| missed(broken.to_string()))?;
    reply.ok()?;
    Ok(reply.version)
}

/// That HTTP/1.1 is spoken where it alone is offered, all other checks show.
fn alpn(proxy: &Proxy) -> Outcome {
    super::tls::needs_tls(proxy)?;
    let version = spoken(proxy, &[HTTP_2, HTTP_1])?;
    Ok(format!("{version:?}"))
}

fn no_alpn(proxy: &Proxy) -> Outcome {
    super::tls::needs_tls(proxy)?;
    let version = spoken(proxy, &[])?;
    Ok(format!("{version:?}"))
}

fn http_2(proxy: &Proxy) -> Outcome {
    super::tls::needs_tls(proxy)?;
    let version = spoken(proxy, &[HTTP_2, HTTP_1])?;
    ensure(version == Version::HTTP_2, || format!("{version:?}"))?;
    Ok(format!("{version:?}"))
}

fn keep_alive(proxy: &Proxy) -> Outcome {
    let told = |broken: super::super::wire::Broken| missed(broken.to_string());
    proxy.block_on(async {
        let mut connection = proxy.open(&proxy.offer()).await.map_err(told)?;
        for number in 1..=3 {
            let reply = proxy.send_on(&mut connection, &health(proxy)).await;
            reply
                .map_err(told)
                .and_then(|reply| reply.ok())
                .map_err(|f| f.about(format!("request {number}")))?;
        }
        Ok("3 requests".to_owned())
    })
}

/// Writes bytes on a connection of their own; the answer has to be one of success.
fn written(proxy: &Proxy, bytes: &[u8]) -> Outcome {
    let replied = proxy.block_on(async {
        let mut raw = Raw::new(proxy.stream(&proxy.offer()).await?);
        raw.write(bytes).await?;
        raw.read(proxy.patience()).await
    });
    let reply = replied.map_err(|broken| missed(broken.to_string()))?;
    reply.ok()?;
    Ok(reply.told())
}

fn header_case(proxy: &Proxy) -> Outcome {
    for change in [str::to_ascii_uppercase, str::to_ascii_lowercase] {
        let mut request = health(proxy);
        request.headers.iter_mut().for_each(|(name, _)| *name = change(name));
        written(proxy, &request.bytes())?;
    }
    Ok("upper and lower".to_owned())
}

fn chunked(proxy: &Proxy) -> Outcome {
    let request = health(proxy);
    let mut bytes = request.head("Transfer-Encoding: chunked\r\n");
    for piece in request.body.chunks(20) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    written(proxy, &bytes)
}

fn get(proxy: &Proxy) -> Outcome {
    for api in Api::ALL {
        let mut request = proxy.request(api, &proxy.target.key, &json!({}));
        request.method = "GET";
        request.body.clear();
        let reply = proxy.answer(&proxy.signed(request)).map_err(|finding| finding.about(api.name()))?;
        ensure(reply.status == 405, || format!("{}: {}", api.name(), reply.told()))?;
    }
    Ok("HTTP 405".to_owned())
}

fn content_type(proxy: &Proxy) -> Outcome {
    let sealed = proxy.encrypt(b"content type", None)?;
    for api in Api::ALL {
        let reply = proxy.call(api, &proxy.good_body(api, &sealed))?;
        reply.ok().map_err(|finding| finding.about(api.name()))?;
        let given = reply.header("content-type");
        ensure(is_json(given), || format!("{}: {given:?}", api.name()))?;
    }
    Ok("application/json".to_owned())
}

/// With or without parameters.
pub fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Asserts a refusal of each path, sent as `sign` does it.
fn refuses(proxy: &Proxy, paths: &[String], sign: fn(&Proxy, Request) -> Request, names: &[&str]) -> Outcome {
    let mut got = String::new();
    for path in paths {
        let body = json!({"requestMetadata": proxy.metadata(Api::GetKeyMetadata)});
        let mut request = proxy.raw_request("", body.to_string().into_bytes());
        request.path.clone_from(path);
        let reply = proxy.answer(&sign(proxy, request)).map_err(|finding| finding.about(path))?;
        got = reply.refused(names).map_err(|finding| finding.about(path))?;
        let status = if got == AUTHENTICATION { 401 } else { 404 };
        ensure(reply.status == status, || format!("{path}: {}", reply.told()))?;
    }
    Ok(got)
}

fn unknown_paths(proxy: &Proxy) -> Vec<String> {
    let (prefix, key) = (&proxy.target.prefix, &proxy.target.key);
    [
        format!("{API_PATH}/nothing"),
        format!("{API_PATH}/health/nothing"),
        format!("{API_PATH}/keys/{key}"),
        format!("{API_PATH}/keys/{key}/nothing"),
        format!("{API_PATH}/keys/{key}/encrypt/nothing"),
        format!("/kms/xks/v0/keys/{key}/metadata"),
    ]
    .map(|path| format!("{prefix}{path}"))
    .into()
}

fn unknown_path(proxy: &Proxy) -> Outcome {
    refuses(proxy, &unknown_paths(proxy), Proxy::signed, &[INVALID_URI_PATH])
}

fn unknown_prefix(proxy: &Proxy) -> Outcome {
    let (prefix, key) = (&proxy.target.prefix, &proxy.target.key);
    let paths: Vec<_> = ["/invalid", "/no/such-store"]
        .iter()
        .flat_map(|more| {
            let base = format!("{prefix}{more}{API_PATH}");
            [format!("{base}/health"), format!("{base}/keys/{key}/metadata")]
        })
        .collect();
    refuses(proxy, &paths, Proxy::signed, &[INVALID_URI_PATH])
}

fn unknown_path_unsigned(proxy: &Proxy) -> Outcome {
    refuses(proxy, &unknown_paths(proxy), |_, request| request, &[INVALID_URI_PATH, AUTHENTICATION])
}

/// Another key store's prefix, where the command names one.
pub fn other_prefix(proxy: &Proxy) -> Result<&str, Finding> {
    proxy.target.other_prefix.as_deref().ok_or_else(|| skipped("needs --other-prefix"))
}
