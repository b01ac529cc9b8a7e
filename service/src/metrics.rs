//! What happened, in numbers, as Prometheus reads them (text format 0.0.4).

use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The histogram's upper bounds, in microseconds. KMS waits 250 ms for an external key store proxy.
const BOUNDS_US: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

/// A service and one of its operations; `-` where a request named none.
type Name = (&'static str, &'static str);

#[derive(Default)]
pub struct Metrics {
    operations: RwLock<BTreeMap<Name, Arc<Histogram>>>,
    errors: Mutex<BTreeMap<(Name, String), u64>>,
    pub connections: AtomicU64,
    pub calls_running: AtomicU64,
}

/// How long things took.
#[derive(Default)]
pub struct Histogram {
    /// By the first bound that fits; the last one has no bound.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    total_us: AtomicU64,
}

/// A value that is asked for when it is told.
pub struct Gauge<V = u64> {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: &'static str,
    /// Labels as they stand in braces, and the value.
    pub values: Vec<(String, V)>,
}

impl Metrics {
    /// A request that was answered.
    pub fn observe(
        &self,
        service: &'static str,
        operation: &'static str,
        took: Duration,
        error: Option<&str>,
    ) {
        self.histogram((service, operation)).add(took);
        if let Some(exception) = error {
            *self.errors.lock().entry(((service, operation), exception.into())).or_default() += 1;
        }
    }

    fn histogram(&self, name: Name) -> Arc<Histogram> {
        if let Some(known) = self.operations.read().get(&name) {
            return Arc::clone(known);
        }
        Arc::clone(self.operations.write().entry(name).or_default())
    }

    /// Everything, and `others`.
    pub fn text(&self, others: &[Gauge]) -> String {
        let mut text = String::with_capacity(4096);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, others);
        text
    }

    fn write(&self, text: &mut String, others: &[Gauge]) -> std::fmt::Result {
        let operations: Vec<_> = self.operations.read().iter().map(|(k, v)| (*k, Arc::clone(v))).collect();
        let name = "vhsm_request_duration_seconds";
        writeln!(text, "# HELP {name} Requests by service and operation, and how long they took.")?;
        writeln!(text, "# TYPE {name} histogram")?;
        for ((service, operation), histogram) in operations {
            let labels = format!("service=\"{service}\",operation=\"{operation}\"");
            histogram.write(text, name, &labels)?;
        }
        let name = "vhsm_errors_total";
        writeln!(text, "# HELP {name} Requests that were answered with an exception.")?;
        writeln!(text, "# TYPE {name} counter")?;
        for (((service, operation), exception), count) in self.errors.lock().iter() {
            writeln!(
                text,
                "{name}{{service=\"{service}\",operation=\"{operation}\",exception=\"{exception}\"}} {count}"
            )?;
        }
        for (name, help, value) in [
            ("vhsm_connections", "Open connections.", &self.connections),
            ("vhsm_calls_running", "Calls that run or wait for an HSM.", &self.calls_running),
        ] {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {}", value.load(Relaxed))?;
        }
        others.iter().try_for_each(|gauge| gauge.write(text))
    }
}

impl<V: Display> Gauge<V> {
    pub fn write(&self, text: &mut String) -> std::fmt::Result {
        let Self { name, help, kind, values } = self;
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        for (labels, value) in values {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            writeln!(text, "{name}{braces} {value}")?;
        }
        Ok(())
    }
}

impl Histogram {
    pub fn add(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.iter().position(|bound| took_us <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[at].fetch_add(1, Relaxed);
        self.total_us.fetch_add(took_us, Relaxed);
    }

    /// `labels` as they stand in braces.
    pub fn write(&self, text: &mut String, name: &str, labels: &str) -> std::fmt::Result {
        let mut count = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Relaxed);
            let bound = BOUNDS_US.get(at).map(|us| format!("{}", *us as f64 / 1e6));
            let bound = bound.as_deref().unwrap_or("+Inf");
            writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
        }
        let total = self.total_us.load(Relaxed) as f64 / 1e6;
        writeln!(text, "{name}_sum{{{labels}}} {total}\n{name}_count{{{labels}}} {count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_errors_and_times_are_told() {
        let metrics = Metrics::default();
        metrics.observe("kms", "Encrypt", Duration::from_micros(60), None);
        metrics.observe("kms", "Encrypt", Duration::from_secs(9), Some("DisabledException"));
        let values = vec![("store=\"cks-1\"".into(), 3)];
        let gauge = Gauge { name: "vhsm_sessions", help: "Sessions.", kind: "gauge", values };
        let text = metrics.text(&[gauge]);
        for line in [
            "vhsm_request_duration_seconds_bucket{service=\"kms\",operation=\"Encrypt\",le=\"0.00005\"} 0",
            "vhsm_request_duration_seconds_bucket{service=\"kms\",operation=\"Encrypt\",le=\"0.0001\"} 1",
            "vhsm_request_duration_seconds_bucket{service=\"kms\",operation=\"Encrypt\",le=\"+Inf\"} 2",
            "vhsm_request_duration_seconds_sum{service=\"kms\",operation=\"Encrypt\"} 9.00006",
            "vhsm_request_duration_seconds_count{service=\"kms\",operation=\"Encrypt\"} 2",
            "vhsm_errors_total{service=\"kms\",operation=\"Encrypt\",exception=\"DisabledException\"} 1",
            "vhsm_connections 0",
            "vhsm_sessions{store=\"cks-1\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
