//! How long answers take.

use super::super::calls::{AAD_BYTES, Api, PLAINTEXT_BYTES, random};
use super::super::outcome::{Finding, Outcome, ensure};
use super::super::proxy::Proxy;
use super::super::table::Check;
use serde_json::Value;
use std::time::{Duration, Instant};

const PERFORMANCE: &str = "Performance";
const CALLS: usize = 100;
const NEW_CONNECTIONS: usize = 20;

pub const CHECKS: &[Check] = &[
    Check::must(
        "timing.new-connection",
        PERFORMANCE,
        "TCP, TLS and the first call together are in time (250 ms, or --timeout-ms)",
        new_connection,
    ),
    Check::must("timing.get-key-metadata", PERFORMANCE, "each of 100 calls is in time", |proxy| {
        calls(proxy, Api::GetKeyMetadata)
    }),
    Check::must("timing.encrypt", PERFORMANCE, "each of 100 calls is in time", |proxy| {
        calls(proxy, Api::Encrypt)
    }),
    Check::must("timing.decrypt", PERFORMANCE, "each of 100 calls is in time", |proxy| {
        calls(proxy, Api::Decrypt)
    }),
    Check::must("timing.get-health-status", PERFORMANCE, "each of 100 calls is in time", |proxy| {
        calls(proxy, Api::GetHealthStatus)
    }),
    Check::must(
        "timing.largest",
        PERFORMANCE,
        "each of 100 calls of Encrypt with the largest input is in time",
        largest,
    ),
    Check::must("timing.all", PERFORMANCE, "all answers that all checks got are in time", every_answer),
];

/// Times of calls.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// The time that this share of the calls took at most.
    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }

    pub fn told(&self) -> String {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        format!("p50 {}, p99 {}, longest {}", ms(p50), ms(p99), ms(self.longest()))
    }

    fn in_time(&self, limit: Duration) -> Outcome {
        ensure(self.longest() <= limit, || self.told())?;
        Ok(self.told())
    }
}

fn measured(proxy: &Proxy, count: usize, body: impl Fn() -> (Api, Value)) -> Outcome {
    let mut connection = proxy.connect()?;
    let times = (0..count).map(|_| {
        let (api, body) = body();
        let request = proxy.signed(proxy.request(api, &proxy.target.key, &body));
        let reply = proxy.answer_on(&mut connection, &request)?;
        reply.ok()?;
        Ok(reply.took)
    });
    Times::new(times.collect::<Result<_, Finding>>()?).in_time(proxy.target.limit)
}

fn calls(proxy: &Proxy, api: Api) -> Outcome {
    let sealed = proxy.encrypt(b"timing", None)?;
    measured(proxy, CALLS, || (api, proxy.good_body(api, &sealed)))
}

fn largest(proxy: &Proxy) -> Outcome {
    let (plaintext, aad) = (random(PLAINTEXT_BYTES), random(AAD_BYTES));
    measured(proxy, CALLS, || (Api::Encrypt, proxy.encrypt_body(&plaintext, Some(&aad), true)))
}

fn new_connection(proxy: &Proxy) -> Outcome {
    let sealed = proxy.encrypt(b"timing", None)?;
    let times = (0..NEW_CONNECTIONS).map(|_| {
        let body = proxy.good_body(Api::Decrypt, &sealed);
        let request = proxy.signed(proxy.request(Api::Decrypt, &proxy.target.key, &body));
        let started = Instant::now();
        proxy.answer_on(&mut proxy.connect()?, &request)?.ok()?;
        Ok(started.elapsed())
    });
    Times::new(times.collect::<Result<_, Finding>>()?).in_time(proxy.target.limit)
}

fn every_answer(proxy: &Proxy) -> Outcome {
    proxy.encrypt(b"timing", None)?;
    proxy.seen(|seen| {
        let Some((slowest, request)) = &seen.slowest else { return Ok("none".to_owned()) };
        let told =
            format!("{} answers; the longest took {} ms: {request}", seen.answers, slowest.as_millis());
        ensure(*slowest <= proxy.target.limit, || told.clone())?;
        Ok(told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_occurred() {
        let times = Times::new((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(times.told(), "p50 50.0 ms, p99 99.0 ms, longest 100.0 ms");
        let one = Times::new(vec![Duration::from_millis(7)]);
        assert_eq!(one.told(), "p50 7.0 ms, p99 7.0 ms, longest 7.0 ms");
        assert!(one.in_time(Duration::from_millis(6)).is_err());
        assert!(one.in_time(Duration::from_millis(7)).is_ok());
    }
}
