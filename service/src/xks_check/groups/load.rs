//! Encrypt as fast as the proxy can: what does not fit is throttled, and nothing is late.

use super::super::calls::{Api, DEPENDENCY_TIMEOUT, THROTTLING, random};
use super::super::outcome::{Finding, Outcome, ensure, missed, skipped};
use super::super::proxy::Proxy;
use super::super::table::Check;
use super::timing::Times;
use std::time::{Duration, Instant};

const PERFORMANCE: &str = "Performance";
const CONNECTIONS: usize = 32;
/// What KMS asks of one key store at most, by its quota.
const WANTED_RATE: f64 = 1800.0;

pub const CHECKS: &[Check] = &[
    Check::must(
        "load.answers",
        "Error codes",
        "each call is answered, or refused by ThrottlingException or DependencyTimeoutException",
        answers,
    ),
    Check::must("load.in-time", PERFORMANCE, "no answer, and no refusal, is late", in_time),
    Check::should("load.rate", PERFORMANCE, "1,800 calls a second are answered", rate),
];

/// What came of the load.
pub struct Measured {
    answered: usize,
    throttled: usize,
    /// Something else, where it occurred.
    other: Option<String>,
    lasted: Duration,
    times: Times,
}

/// One connection's part.
#[derive(Default)]
struct Part {
    answered: usize,
    throttled: usize,
    other: Option<String>,
    times: Vec<Duration>,
}

fn measured(proxy: &Proxy) -> Result<&Measured, Finding> {
    let lasts = proxy.target.load.ok_or_else(|| skipped("needs --load"))?;
    let measured = proxy.load.get_or_init(|| {
        measure(proxy, lasts).map_err(|finding| match finding {
            Finding::Missed(got) | Finding::Skipped(got) => got,
        })
    });
    measured.as_ref().map_err(|got| missed(got.clone()))
}

fn measure(proxy: &Proxy, lasts: Duration) -> Result<Measured, Finding> {
    let started = Instant::now();
    let parts = super::together(CONNECTIONS, |_| part(proxy, started + lasts))?;
    let lasted = started.elapsed();
    Ok(Measured {
        answered: parts.iter().map(|part| part.answered).sum(),
        throttled: parts.iter().map(|part| part.throttled).sum(),
        other: parts.iter().find_map(|part| part.other.clone()),
        lasted,
        times: Times::new(parts.into_iter().flat_map(|part| part.times).collect()),
    })
}

fn part(proxy: &Proxy, end: Instant) -> Result<Part, Finding> {
    let mut connection = proxy.connect()?;
    let mut part = Part::default();
    while Instant::now() < end {
        let body = proxy.encrypt_body(&random(32), None, false);
        let request = proxy.signed(proxy.request(Api::Encrypt, &proxy.target.key, &body));
        match proxy.answer_on(&mut connection, &request) {
            Ok(reply) => {
                part.times.push(reply.took);
                match (reply.status, reply.error_name().as_deref()) {
                    (200, _) => part.answered += 1,
                    (_, Some(THROTTLING | DEPENDENCY_TIMEOUT)) => part.throttled += 1,
                    _ => part.other = Some(reply.told()),
                }
            }
            Err(Finding::Missed(got) | Finding::Skipped(got)) => {
                part.other = Some(got);
                // A proxy that sheds load may close connections; what is lost of the call is told.
                connection = proxy.connect()?;
            }
        }
    }
    Ok(part)
}

fn answers(proxy: &Proxy) -> Outcome {
    let measured = measured(proxy)?;
    let told = format!("{} answered, {} throttled", measured.answered, measured.throttled);
    match &measured.other {
        Some(other) => Err(missed(format!("{told}, and {other}"))),
        None => Ok(told),
    }
}

fn in_time(proxy: &Proxy) -> Outcome {
    let times = &measured(proxy)?.times;
    ensure(times.longest() <= proxy.target.limit, || times.told())?;
    Ok(times.told())
}

fn rate(proxy: &Proxy) -> Outcome {
    let measured = measured(proxy)?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = measured.answered as f64 / measured.lasted.as_secs_f64();
    let told = format!("{rate:.0} a second of {} calls", measured.times.count());
    ensure(rate >= WANTED_RATE, || told.clone())?;
    Ok(told)
}
