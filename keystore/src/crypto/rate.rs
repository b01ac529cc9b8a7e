//! How many requests a second a key store takes (reference sec. 7).

use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::kms::Kms;
use parking_lot::Mutex;
use std::collections::HashMap;

/// The buckets of all key stores, by store; `None` is the default one. Each process has its own.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<Option<StoreId>, Bucket>>);

/// A bucket holds as many requests as a second allows, and is filled as time goes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    /// Thousandths of requests: a millisecond fills as many as a second has whole ones.
    left: u64,
    filled_ms: u64,
}

impl Rates {
    /// Takes one request. `false`: there is none left.
    fn take(&self, store: Option<&StoreId>, per_second: u32, now_ms: u64) -> bool {
        let full = u64::from(per_second) * 1000;
        let mut buckets = self.0.lock();
        let bucket = match buckets.get_mut(&store.cloned()) {
            Some(bucket) => bucket,
            None => buckets.entry(store.cloned()).or_insert(Bucket { left: full, filled_ms: now_ms }),
        };
        // A clock that was set back fills nothing.
        let elapsed_ms = now_ms.saturating_sub(bucket.filled_ms);
        bucket.left = bucket.left.saturating_add(elapsed_ms.saturating_mul(u64::from(per_second))).min(full);
        bucket.filled_ms = now_ms;
        match bucket.left.checked_sub(1000) {
            Some(left) => {
                bucket.left = left;
                true
            }
            None => false,
        }
    }
}

impl Kms {
    /// ThrottlingException where the key store (`None`: the default one) has had its requests of this second. Does nothing
    /// unless a limit is set.
    pub(super) fn within_rate(&self, store: Option<&StoreId>) -> Result<(), KmsError> {
        match self.settings.limits.requests_per_second {
            Some(per_second) if !self.rates.take(store, per_second, self.now_ms()) => {
                let message = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
                Err(KmsError::new(Exception::Throttling, message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_allows_so_many() {
        let rates = Rates::default();
        let taken = |at_ms| (0..100).filter(|_| rates.take(None, 10, at_ms)).count();
        assert_eq!([taken(5000), taken(5000), taken(5099), taken(5100)], [10, 0, 0, 1]);
        assert_eq!([taken(5600), taken(60_000), taken(59_000)], [5, 10, 0]);
    }

    #[test]
    fn key_stores_have_their_own() {
        let rates = Rates::default();
        let (one, two) = (StoreId::random(), StoreId::random());
        for store in [None, Some(&one), Some(&two)] {
            assert!(rates.take(store, 1, 1) && !rates.take(store, 1, 1));
        }
    }
}
