//! Fault plans at work: which calls of this process are late, fail or lose their HSM, and which HSMs are not like the
//! others. Plans come from the configuration and from the clusters' records; what they count, they count in this process.

use crate::cluster::ClusterId;
use crate::cluster::faults::{Effect, Fault, FaultPlan, Latency, Over};
use crate::crypto::random;
use crate::error::Error;
use crate::session::{Oddity, Operations};
use crate::sync::Mutex;
use arc_swap::ArcSwap;
use cryptoki_sys::CK_RV;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The HSM that a call concerns.
pub(super) struct At<'a> {
    pub cluster: ClusterId,
    pub hsm: &'a str,
    pub slot_id: u64,
}

/// What becomes of a call, after what it had to wait.
pub(super) enum Verdict {
    Pass,
    Answer(CK_RV),
    /// Its HSM is lost from now on.
    Lost,
}

pub(super) struct Faults {
    /// Whether any call may be hit: all that is read where no plan is.
    on: AtomicBool,
    configured: Vec<Arc<Running>>,
    running: ArcSwap<Vec<Arc<Running>>>,
}

/// Whose plan it is, and which setting of it: a plan that is set again begins again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub cluster: ClusterId,
    pub id: u64,
}

/// A fault and how far it is.
struct Running {
    /// `None`: of the configuration, for every cluster.
    setting: Option<Setting>,
    fault: Fault,
    calls: AtomicU64,
    bytes: AtomicU64,
    hits: AtomicU64,
    random: AtomicU64,
    /// When each HSM, by its slot, takes the next call of a throttle.
    next: Mutex<BTreeMap<u64, Instant>>,
    /// The slots whose HSMs it took.
    lost: Mutex<BTreeSet<u64>>,
}

impl Faults {
    pub fn new(configured: &FaultPlan) -> Result<Self, Error> {
        let configured = running(None, configured)?;
        let faults = Self { on: AtomicBool::new(false), configured, running: ArcSwap::default() };
        faults.follow(Vec::new())?;
        Ok(faults)
    }

    #[inline]
    pub fn are_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Takes over the clusters' plans. One that was not set meanwhile goes on; HSMs that others took are back.
    pub fn follow(&self, plans: Vec<(Setting, FaultPlan)>) -> Result<(), Error> {
        let old = self.running.load_full();
        let mut all = self.configured.clone();
        for (setting, plan) in plans {
            let mut kept = old.iter().filter(|running| running.setting == Some(setting)).cloned().peekable();
            match kept.peek() {
                Some(_) => all.extend(kept),
                None => all.extend(running(Some(setting), &plan)?),
            }
        }
        let of_calls = all.iter().any(|running| running.is_of_calls());
        self.running.store(Arc::new(all));
        self.on.store(of_calls, Ordering::Release);
        Ok(())
    }

    /// Lets a call wait as long as it must, under no lock, and says what becomes of it.
    pub fn judge(&self, function: &str, at: &At<'_>, bytes: u64) -> Verdict {
        let mut delay = Duration::ZERO;
        let mut verdict = Verdict::Pass;
        for running in self.running.load_full().iter() {
            if !running.concerns(at) || !running.fault.hits(function) || !running.strikes(bytes) {
                continue;
            }
            match (running.act(at, &mut delay), &verdict) {
                (Verdict::Lost, _) => verdict = Verdict::Lost,
                (answer @ Verdict::Answer(_), Verdict::Pass) => verdict = answer,
                _ => {}
            }
        }
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        verdict
    }

    /// Whether a fault took the HSM of this slot.
    pub fn lost(&self, slot_id: u64) -> bool {
        self.running.load().iter().any(|running| running.lost.lock().contains(&slot_id))
    }

    /// What is not as on the cluster's other HSMs.
    pub fn oddity(&self, at: &At<'_>) -> Option<Oddity> {
        let mut oddity = Oddity::default();
        for running in self.running.load().iter().filter(|running| running.concerns(at)) {
            match &running.fault.effect {
                Effect::StoreFull => oddity.store_full = true,
                Effect::Drift(drift) => oddity.users.push(drift.clone()),
                Effect::Missing(missing) => oddity.missing.push(missing.label.clone()),
                Effect::Latency(_) | Effect::Error(_) | Effect::Throttle { .. } | Effect::Lose => {}
            }
        }
        (oddity != Oddity::default()).then_some(oddity)
    }
}

fn running(setting: Option<Setting>, plan: &FaultPlan) -> Result<Vec<Arc<Running>>, Error> {
    if plan.faults().is_empty() {
        // A process's first random bytes take 20 ms: C_Initialize goes without.
        return Ok(Vec::new());
    }
    let seed = match plan.seed() {
        Some(seed) => seed,
        None => u64::from_ne_bytes(random::array()?),
    };
    let of_fault = |(index, fault): (usize, &Fault)| {
        Arc::new(Running {
            setting,
            fault: fault.clone(),
            calls: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            random: AtomicU64::new(mixed(seed ^ mixed(index as u64))),
            next: Mutex::default(),
            lost: Mutex::default(),
        })
    };
    Ok(plan.faults().iter().enumerate().map(of_fault).collect())
}

impl Running {
    fn is_of_calls(&self) -> bool {
        !matches!(self.fault.effect, Effect::StoreFull | Effect::Drift(_) | Effect::Missing(_))
    }

    fn concerns(&self, at: &At<'_>) -> bool {
        self.setting.is_none_or(|setting| setting.cluster == at.cluster)
            && self.fault.concerns(at.hsm, at.slot_id)
    }

    /// Counts a call, and says whether it is hit.
    fn strikes(&self, bytes: u64) -> bool {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let fault = &self.fault;
        if !self.is_of_calls()
            || calls <= fault.after_calls
            || (fault.after_bytes > 0 && bytes <= fault.after_bytes)
        {
            return false;
        }
        if fault.rate < 1.0 && self.draw() >= fault.rate {
            return false;
        }
        fault.count.is_none_or(|count| self.hits.fetch_add(1, Ordering::Relaxed) < count)
    }

    fn act(&self, at: &At<'_>, delay: &mut Duration) -> Verdict {
        match &self.fault.effect {
            Effect::Latency(latency) => *delay += self.latency(*latency),
            Effect::Error(rv) => return Verdict::Answer(*rv),
            Effect::Throttle { per_second, over } => {
                return self.throttle(*per_second, *over, at.slot_id, delay);
            }
            Effect::Lose => {
                self.lost.lock().insert(at.slot_id);
                return Verdict::Lost;
            }
            Effect::StoreFull | Effect::Drift(_) | Effect::Missing(_) => {}
        }
        Verdict::Pass
    }

    fn latency(&self, latency: Latency) -> Duration {
        let (u, v) = (self.draw(), self.draw());
        Duration::from_secs_f64(latency.sample_ms(u, v) / 1000.0)
    }

    /// Calls are let in one by one, each its part of a second after the one before.
    fn throttle(&self, per_second: f64, over: Over, slot_id: u64, delay: &mut Duration) -> Verdict {
        let (now, step) = (Instant::now(), Duration::from_secs_f64(1.0 / per_second));
        let mut all = self.next.lock();
        let next = all.entry(slot_id).or_insert(now);
        let wait = next.saturating_duration_since(now);
        if let (Over::Answer(rv), false) = (over, wait.is_zero()) {
            return Verdict::Answer(rv);
        }
        *next = now + wait + step;
        *delay += wait;
        Verdict::Pass
    }

    /// An even number from 0 to below 1 (Steele and others, SplitMix).
    fn draw(&self) -> f64 {
        let state = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        (mixed(state) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// The operations that an error of a function ends (PKCS#11 3.0 sec. 5.8 to 5.16): an injected one, or the store's, too.
pub(super) fn ended_by(function: &str) -> Operations {
    let is = |names: &[&str]| names.contains(&function);
    Operations {
        encrypt: is(&[
            "C_Encrypt",
            "C_EncryptUpdate",
            "C_EncryptFinal",
            "C_DigestEncryptUpdate",
            "C_SignEncryptUpdate",
        ]),
        decrypt: is(&[
            "C_Decrypt",
            "C_DecryptUpdate",
            "C_DecryptFinal",
            "C_DecryptDigestUpdate",
            "C_DecryptVerifyUpdate",
        ]),
        digest: is(&[
            "C_Digest",
            "C_DigestUpdate",
            "C_DigestKey",
            "C_DigestFinal",
            "C_DigestEncryptUpdate",
            "C_DecryptDigestUpdate",
        ]),
        sign: is(&["C_Sign", "C_SignUpdate", "C_SignFinal", "C_SignEncryptUpdate"]),
        verify: is(&["C_Verify", "C_VerifyUpdate", "C_VerifyFinal", "C_DecryptVerifyUpdate"]),
        verify_signature: is(&["C_VerifySignature", "C_VerifySignatureUpdate", "C_VerifySignatureFinal"]),
        sign_recover: is(&["C_SignRecover"]),
        verify_recover: is(&["C_VerifyRecover"]),
        message_encrypt: is(&["C_EncryptMessageBegin", "C_EncryptMessageNext", "C_MessageEncryptFinal"]),
        message_decrypt: is(&["C_DecryptMessageBegin", "C_DecryptMessageNext", "C_MessageDecryptFinal"]),
        message_sign: is(&["C_SignMessageBegin", "C_SignMessageNext", "C_MessageSignFinal"]),
        message_verify: is(&["C_VerifyMessageBegin", "C_VerifyMessageNext", "C_MessageVerifyFinal"]),
        find: is(&["C_FindObjectsFinal"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: At<'static> = At { cluster: ClusterId(1), hsm: "hsm-a", slot_id: 0 };

    fn set(id: u64, text: &str) -> (Setting, FaultPlan) {
        (Setting { cluster: ClusterId(1), id }, FaultPlan::parse(text).unwrap())
    }

    fn faults(text: &str) -> Faults {
        let faults = Faults::new(&FaultPlan::default()).unwrap();
        faults.follow(vec![set(1, text)]).unwrap();
        faults
    }

    fn hits(faults: &Faults, calls: usize, bytes: u64) -> Vec<bool> {
        let hit = |_| !matches!(faults.judge("C_Encrypt", &AT, bytes), Verdict::Pass);
        (0..calls).map(hit).collect()
    }

    #[test]
    fn calls_are_counted_before_and_while_a_fault_strikes() {
        let text = "[[fault]]\nerror = \"CKR_DEVICE_ERROR\"\nafter_calls = 2\ncount = 1";
        assert_eq!(hits(&faults(text), 4, 0), [false, false, true, false]);
        let text = "[[fault]]\nerror = \"CKR_DEVICE_ERROR\"\nafter_bytes = 100";
        assert_eq!(hits(&faults(text), 3, 50), [false, false, true]);
        let elsewhere = At { slot_id: 1, hsm: "hsm-b", ..AT };
        let only_first = faults("[[fault]]\nhsm = 0\nerror = \"CKR_DEVICE_ERROR\"");
        assert!(matches!(only_first.judge("C_Encrypt", &elsewhere, 0), Verdict::Pass));
        let other = At { cluster: ClusterId(2), ..AT };
        assert!(matches!(only_first.judge("C_Encrypt", &other, 0), Verdict::Pass));
    }

    #[test]
    fn a_seed_repeats_what_is_hit() {
        let text = "seed = 3\n[[fault]]\nerror = \"CKR_DEVICE_ERROR\"\nrate = 0.25";
        let once = hits(&faults(text), 2000, 0);
        assert_eq!(once, hits(&faults(text), 2000, 0));
        assert_ne!(once, hits(&faults(&text.replace('3', "4")), 2000, 0));
        let part = once.iter().filter(|hit| **hit).count();
        assert!((400..600).contains(&part), "{part} of 2000");
    }

    #[test]
    fn a_throttle_refuses_what_comes_too_soon() {
        let refused = faults("[[fault]]\nper_second = 0.01\nwhen_over = \"CKR_FUNCTION_FAILED\"");
        assert_eq!(hits(&refused, 3, 0), [false, true, true]);
        let waits = faults("[[fault]]\nper_second = 100");
        let began = Instant::now();
        assert_eq!(hits(&waits, 6, 0), [false; 6]);
        assert!(began.elapsed() >= Duration::from_millis(50), "five waits of 10 ms");
    }

    #[test]
    fn a_plan_that_stays_goes_on_and_one_that_is_set_again_begins_again() {
        let text = "[[fault]]\nerror = \"CKR_DEVICE_ERROR\"\ncount = 2";
        let faults = faults(text);
        assert_eq!(hits(&faults, 1, 0), [true]);
        let others = (Setting { cluster: ClusterId(2), id: 1 }, FaultPlan::parse(text).unwrap());
        faults.follow(vec![set(1, text), others]).unwrap();
        assert_eq!(hits(&faults, 2, 0), [true, false]);
        faults.follow(vec![set(2, text)]).unwrap();
        assert_eq!(hits(&faults, 3, 0), [true, true, false]);
    }

    #[test]
    fn an_hsm_is_lost_until_its_fault_goes() {
        let faults = faults("[[fault]]\nlose = true\nafter_calls = 1");
        assert!(matches!(faults.judge("C_Login", &AT, 0), Verdict::Pass));
        assert!(matches!(faults.judge("C_Login", &AT, 0), Verdict::Lost));
        assert!(faults.lost(0) && !faults.lost(1));
        let elsewhere = At { slot_id: 1, hsm: "hsm-b", ..AT };
        assert!(matches!(faults.judge("C_Login", &elsewhere, 0), Verdict::Pass), "it takes one");
        faults.follow(Vec::new()).unwrap();
        assert!(!faults.lost(0) && !faults.are_on());
    }
}
