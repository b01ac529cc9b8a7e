//! How many requests a second a key store takes (`requests_per_second`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

const SECOND_NS: u64 = 1_000_000_000;

/// A bucket of as many requests as there may be in a second: so many may come at once after a pause, and over time no more than that
/// each second. Without a lock (the generic cell rate algorithm).
pub struct RateLimit {
    /// Between two requests.
    interval_ns: u64,
    began: Instant,
    /// When the bucket will be full again, in nanoseconds from `began`.
    full_at_ns: AtomicU64,
}

impl RateLimit {
    /// `per_second`: at least 1.
    pub fn new(per_second: u32) -> Self {
        let interval_ns = SECOND_NS / u64::from(per_second.max(1));
        Self { interval_ns, began: Instant::now(), full_at_ns: AtomicU64::new(0) }
    }

    /// Whether one more may be worked on, which counts it.
    pub fn admits(&self) -> bool {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> bool {
        let now_ns = u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let one_more = |full_at_ns: u64| {
            let next = full_at_ns.max(now_ns).saturating_add(self.interval_ns);
            (next - now_ns <= SECOND_NS).then_some(next)
        };
        self.full_at_ns.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn over_time_there_are_no_more_than_a_second_has() {
        let limit = RateLimit::new(100);
        let at = |ms| limit.began + Duration::from_millis(ms);
        let admitted = |ms, asked| (0..asked).filter(|_| limit.admits_at(at(ms))).count();
        assert_eq!(admitted(0, 200), 100);
        assert_eq!(admitted(0, 1), 0);
        // One each 10 ms comes back.
        assert_eq!(admitted(9, 1), 0);
        assert_eq!(admitted(50, 200), 5);
        // A pause fills the bucket, and no more.
        assert_eq!(admitted(60_000, 500), 100);
        assert_eq!((60_000..61_000).map(|ms| admitted(ms, 3)).sum::<usize>(), 99);
    }

    #[test]
    fn few_or_very_many_a_second_are_kept_too() {
        let one = RateLimit::new(1);
        let at = |ms| one.began + Duration::from_millis(ms);
        assert_eq!([0, 999, 1_000, 1_001].map(|ms| one.admits_at(at(ms))), [true, false, true, false]);
        let many = RateLimit::new(u32::MAX);
        assert!((0..10_000).all(|_| many.admits_at(many.began)));
    }

    #[test]
    fn threads_share_it() {
        let limit = RateLimit::new(1_000);
        let now = limit.began;
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let count = (0..1_000).filter(|_| limit.admits_at(now)).count();
                    admitted.fetch_add(count as u64, Relaxed);
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1_000);
    }
}
