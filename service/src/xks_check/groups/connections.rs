//! Many connections, and clients that are slow, hasty or too big.

use super::super::calls::{Api, is_plaintext, random, sealed};
use super::super::http::{Connection, Reply, Request};
use super::super::outcome::{Finding, Outcome, ensure, missed, skipped};
use super::super::proxy::Proxy;
use super::super::raw::Raw;
use super::super::table::Check;
use super::super::wire::{Broken, HTTP_2, Offer};
use serde_json::json;
use std::time::{Duration, Instant};

const PERFORMANCE: &str = "Performance";
const CONNECTIONS: usize = 32;
const CALLS: usize = 4;
const STREAMS: usize = 64;
const STALLED: usize = 40;

pub const CHECKS: &[Check] = &[
    Check::must(
        "connections.concurrent",
        PERFORMANCE,
        "calls on 32 connections at once each get their own answer",
        concurrent,
    ),
    Check::should(
        "connections.streams",
        "RFC 9113 sec. 5",
        "64 calls at once on one HTTP/2 connection each get their own answer",
        streams,
    ),
    Check::should(
        "connections.pipelined",
        "RFC 9112 sec. 9.3.2",
        "several requests before an answer are answered in their order",
        pipelined,
    ),
    Check::should(
        "connections.slow-sender",
        PERFORMANCE,
        "a request that comes in pieces, in half of the time, is answered",
        slow_sender,
    ),
    Check::must(
        "connections.stalled",
        PERFORMANCE,
        "40 requests that never end do not hold up others",
        stalled,
    ),
    Check::should(
        "connections.big-header",
        "RFC 9112 sec. 2.3",
        "a header of 4 KiB, as proxies between may add, is taken",
        big_header,
    ),
    Check::should(
        "connections.huge-header",
        "RFC 6585 sec. 5",
        "headers of 1 MiB are refused, and others are answered",
        huge_header,
    ),
    Check::should(
        "connections.huge-body",
        "RFC 9110 sec. 15.5.14",
        "a body of 8 MiB is refused, and others are answered",
        huge_body,
    ),
];

fn health(proxy: &Proxy) -> Request {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetHealthStatus)});
    proxy.signed(proxy.request(Api::GetHealthStatus, "", &body))
}

fn told(broken: Broken) -> Finding {
    missed(broken.to_string())
}

/// A plaintext there and back.
fn there_and_back(proxy: &Proxy, connection: &mut Connection) -> Result<(), Finding> {
    let (plaintext, aad) = (random(64), random(16));
    let target = &proxy.target;
    let request =
        proxy.request(Api::Encrypt, &target.key, &proxy.encrypt_body(&plaintext, Some(&aad), false));
    let sealed = sealed(&proxy.answer_on(connection, &proxy.signed(request))?)?;
    let request = proxy.request(Api::Decrypt, &target.key, &proxy.decrypt_body(&sealed, Some(&aad)));
    is_plaintext(&proxy.answer_on(connection, &proxy.signed(request))?, &plaintext)
}

fn concurrent(proxy: &Proxy) -> Outcome {
    super::together(CONNECTIONS, |_| {
        let mut connection = proxy.connect()?;
        (0..CALLS).try_for_each(|_| there_and_back(proxy, &mut connection))
    })?;
    Ok(format!("{} round trips", CONNECTIONS * CALLS))
}

/// Without TLS nothing can be agreed on: there HTTP/2 is begun as if it were known to be spoken (RFC 9113 sec. 3.3).
fn streams(proxy: &Proxy) -> Outcome {
    let offer = Offer { protocols: &[HTTP_2], ..proxy.offer() };
    let no_http_2 = |what: String| skipped(format!("no HTTP/2: {what}"));
    let opened = proxy.block_on(async {
        let stream = proxy.stream(&offer).await?;
        Connection::open(stream, !proxy.target.tls).await
    });
    let connection = opened.map_err(|broken| no_http_2(broken.to_string()))?;
    let stream = || connection.another().ok_or_else(|| no_http_2("HTTP/1.1 was chosen".to_owned()));
    let reply = proxy.block_on(stream()?.send(&health(proxy), proxy.patience()));
    reply.map_err(|broken| no_http_2(broken.to_string()))?;
    super::together(STREAMS, |_| there_and_back(proxy, &mut stream()?))?;
    Ok(format!("{STREAMS} round trips"))
}

/// Each answer can be told from the others, for one request is refused.
fn pipelined(proxy: &Proxy) -> Outcome {
    let unsigned = health(proxy).without("authorization");
    let requests = [health(proxy), unsigned, health(proxy)];
    let statuses = proxy.block_on(async {
        let mut raw = Raw::new(proxy.stream(&proxy.offer()).await?);
        raw.write(&requests.iter().flat_map(Request::bytes).collect::<Vec<_>>()).await?;
        let mut statuses = Vec::new();
        for _ in &requests {
            statuses.push(raw.read(proxy.patience()).await?.status);
        }
        Ok(statuses)
    });
    let statuses = statuses.map_err(told)?;
    ensure(statuses == [200, 401, 200], || format!("{statuses:?}"))?;
    Ok(format!("{statuses:?}"))
}

fn slow_sender(proxy: &Proxy) -> Outcome {
    let bytes = health(proxy).bytes();
    // Where the command allows more time, KMS's own client is still as fast as it is.
    let pause = proxy.target.limit.min(Duration::from_millis(250)) / 20;
    let reply = proxy.block_on(async {
        let mut raw = Raw::new(proxy.stream(&proxy.offer()).await?);
        for piece in bytes.chunks(bytes.len().div_ceil(10)) {
            raw.write(piece).await?;
            tokio::time::sleep(pause).await;
        }
        raw.read(proxy.patience()).await
    });
    let reply = reply.map_err(told)?;
    reply.ok()?;
    Ok(reply.told())
}

fn stalled(proxy: &Proxy) -> Outcome {
    let request = health(proxy);
    let bytes = request.bytes();
    let held = super::together(STALLED, |_| {
        proxy.block_on(async {
            let mut raw = Raw::new(proxy.stream(&proxy.offer()).await.map_err(told)?);
            raw.write(&bytes[..bytes.len() - 1]).await.map_err(told)?;
            Ok(raw)
        })
    })?;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let started = Instant::now();
        let mut connection = proxy.connect()?;
        there_and_back(proxy, &mut connection)?;
        // There and back are two calls.
        slowest = slowest.max(started.elapsed() / 2);
    }
    drop(held);
    ensure(slowest <= proxy.target.limit, || format!("a call took {} ms", slowest.as_millis()))?;
    Ok(format!("{} ms at most", slowest.as_millis()))
}

fn big_header(proxy: &Proxy) -> Outcome {
    let reply = proxy.answer(&health(proxy).header("X-Padding", "p".repeat(4096)))?;
    reply.ok()?;
    Ok(reply.told())
}

fn huge_header(proxy: &Proxy) -> Outcome {
    refused(proxy, &health(proxy).header("X-Padding", "p".repeat(1 << 20)))
}

fn huge_body(proxy: &Proxy) -> Outcome {
    let mut request = proxy.request(Api::GetHealthStatus, "", &json!({}));
    request.body = json!({"requestMetadata": proxy.metadata(Api::GetHealthStatus), "p": "p".repeat(8 << 20)})
        .to_string()
        .into_bytes();
    refused(proxy, &proxy.signed(request))
}

/// Asserts that it is not done, in whatever way, and that the proxy is there for others afterwards.
fn refused(proxy: &Proxy, request: &Request) -> Outcome {
    let replied: Result<Reply, Broken> = proxy.block_on(async {
        let mut raw = Raw::new(proxy.stream(&proxy.offer()).await?);
        // Who refuses may stop to read, and may have closed before all is written; its answer may be there still.
        let _ = tokio::time::timeout(proxy.patience(), raw.write(&request.bytes())).await;
        raw.read(proxy.patience()).await
    });
    let got = match replied {
        Ok(reply) if reply.status == 200 => return Err(missed(reply.told())),
        Ok(reply) => reply.told(),
        Err(Broken::Closed(_)) => "the connection is closed".to_owned(),
        Err(broken) => return Err(told(broken)),
    };
    let reply = proxy.answer(&health(proxy)).map_err(|finding| finding.about("afterwards"))?;
    reply.ok().map_err(|finding| finding.about("afterwards"))?;
    Ok(got)
}
