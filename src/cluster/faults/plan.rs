//! A fault plan as it is written, and what it means. README's "Failure drills" explains it to those who write one.

use crate::error::ClusterError;
use crate::rv::rv_of;
use cryptoki_sys::{CK_RV, CKR_OK};
use serde::{Deserialize, Serialize};

/// The longest text of a plan.
const MAX_BYTES: usize = 64 * 1024;
/// The longest delay of one call.
const MAX_LATENCY_MS: f64 = 60_000.0;
/// z of the 99th percentile of a normal distribution.
const Z_99: f64 = 2.326_347_874;

/// What shall go wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    text: String,
    seed: Option<u64>,
    faults: Vec<Fault>,
}

/// A plan's text, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenPlan {
    /// Makes the plan's random numbers the same in every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    #[serde(default)]
    pub fault: Vec<Written>,
}

/// A fault as it is written: whom it concerns, when, and exactly one effect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsm: Option<Names>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Names>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<WrittenLatency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_over: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub lose: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub store_full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Names {
    Slot(u64),
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WrittenLatency {
    Fixed(f64),
    Uniform { min: f64, max: f64 },
    LogNormal { median: f64, p99: f64 },
    Normal { mean: f64, deviation: f64 },
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub written: Written,
    /// HsmIds and slot ids; empty: every HSM.
    hsms: Vec<String>,
    /// Names of functions with `*` in them; empty: every function.
    functions: Vec<String>,
    /// So many calls pass first.
    pub after_calls: u64,
    /// So many bytes of data pass first.
    pub after_bytes: u64,
    /// So many calls are hit at most.
    pub count: Option<u64>,
    /// The part of the calls that is hit.
    pub rate: f64,
    pub effect: Effect,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Latency(Latency),
    Error(CK_RV),
    Throttle {
        per_second: f64,
        over: Over,
    },
    /// The HSM fails, for this process.
    Lose,
    /// Token objects can neither be made nor changed.
    StoreFull,
    Drift(Drift),
    Missing(Missing),
}

/// What becomes of calls beyond the rate of a throttle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Over {
    Wait,
    Answer(CK_RV),
}

/// A user who is not the same on an HSM as on the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// In lower case.
    pub user: String,
    /// It has its old password there, which nobody remembers; else it is not there.
    pub old_password: bool,
}

/// A token key that an HSM lacks: by its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    pub label: String,
}

/// How long calls take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    Fixed(f64),
    Uniform {
        min: f64,
        max: f64,
    },
    Normal {
        mean: f64,
        deviation: f64,
    },
    /// Of the logarithm: `mu`, `sigma`.
    LogNormal {
        mu: f64,
        sigma: f64,
    },
}

impl Latency {
    /// A sample, for two numbers drawn evenly from 0 to 1; at most a minute.
    pub fn sample_ms(self, u: f64, v: f64) -> f64 {
        // Box-Muller.
        let normal =
            || (-2.0 * (1.0 - u).max(f64::MIN_POSITIVE).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        let sample = match self {
            Latency::Fixed(ms) => ms,
            Latency::Uniform { min, max } => min + u * (max - min),
            Latency::Normal { mean, deviation } => mean + deviation * normal(),
            Latency::LogNormal { mu, sigma } => (mu + sigma * normal()).exp(),
        };
        sample.clamp(0.0, MAX_LATENCY_MS)
    }
}

impl FaultPlan {
    /// Reads a plan. Errors: `BadInput`, with what to mend.
    pub fn parse(text: &str) -> Result<Self, ClusterError> {
        if text.len() > MAX_BYTES {
            return Err(bad(format!("it has {} bytes, more than {MAX_BYTES}", text.len())));
        }
        let written: WrittenPlan = toml::from_str(text).map_err(|e| bad(e.to_string().trim_end().into()))?;
        Ok(Self { text: text.into(), ..Self::of(written)? })
    }

    /// The plan of a table that was read along with others: its text is empty. Errors: `BadInput`.
    pub fn of(written: WrittenPlan) -> Result<Self, ClusterError> {
        let faults = written.fault.into_iter().enumerate();
        let faults = faults.map(|(index, fault)| {
            Fault::of(fault).map_err(|reason| bad(format!("fault {}: {reason}", index + 1)))
        });
        Ok(Self { text: String::new(), seed: written.seed, faults: faults.collect::<Result<_, _>>()? })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether a user is not the same on all HSMs.
    pub fn has_drifted(&self, user: &str) -> bool {
        self.faults.iter().any(|fault| match &fault.effect {
            Effect::Drift(drift) => user.eq_ignore_ascii_case(&drift.user),
            _ => false,
        })
    }

    /// As it was written.
    pub fn written(&self) -> WrittenPlan {
        WrittenPlan {
            seed: self.seed,
            fault: self.faults.iter().map(|fault| fault.written.clone()).collect(),
        }
    }

    /// Errors: `BadInput` for a function that no known one is, which would never be hit.
    pub fn check_functions<'n>(
        &self,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), ClusterError> {
        for pattern in self.faults.iter().flat_map(|fault| &fault.functions) {
            if !known.clone().any(|name| matches(pattern, name)) {
                return Err(bad(format!(
                    "function = {pattern:?} is none of PKCS#11's, such as \"C_Encrypt*\""
                )));
            }
        }
        Ok(())
    }
}

fn bad(reason: String) -> ClusterError {
    ClusterError::BadInput { field: "fault plan", reason }
}

impl Fault {
    fn of(written: Written) -> Result<Self, String> {
        let effect = effect(&written)?;
        let rate = written.rate.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&rate) {
            return Err(format!("rate = {rate} is not 0 to 1"));
        }
        let of_calls = !matches!(effect, Effect::StoreFull | Effect::Drift(_) | Effect::Missing(_));
        let counts = written.after_calls.is_some() || written.count.is_some() || written.rate.is_some();
        if !of_calls && (counts || written.after_bytes.is_some() || written.function.is_some()) {
            return Err("store_full, user and key are of no single calls: leave out function, after_calls, \
                        after_bytes, count and rate"
                .into());
        }
        Ok(Self {
            hsms: names(written.hsm.as_ref()),
            functions: names(written.function.as_ref()),
            after_calls: written.after_calls.unwrap_or(0),
            after_bytes: written.after_bytes.unwrap_or(0),
            // An HSM that is lost takes no other with it.
            count: written.count.or((effect == Effect::Lose).then_some(1)),
            rate,
            effect,
            written,
        })
    }

    /// Whether it concerns this HSM, named by its HsmId or its slot's id.
    pub fn concerns(&self, hsm: &str, slot_id: u64) -> bool {
        let is_it = |name: &String| name == hsm || name == "*" || name.parse() == Ok(slot_id);
        self.hsms.is_empty() || self.hsms.iter().any(is_it)
    }

    /// Whether it concerns calls of this function.
    pub fn hits(&self, function: &str) -> bool {
        self.functions.is_empty() || self.functions.iter().any(|pattern| matches(pattern, function))
    }
}

fn names(written: Option<&Names>) -> Vec<String> {
    match written {
        None => Vec::new(),
        Some(Names::Slot(id)) => vec![id.to_string()],
        Some(Names::One(name)) => vec![name.clone()],
        Some(Names::Several(names)) => names.clone(),
    }
}

/// The one effect that is written. Errors: none, several, or one that cannot be.
fn effect(written: &Written) -> Result<Effect, String> {
    let found = [
        written.latency_ms.as_ref().map(|written| latency(written).map(Effect::Latency)),
        written.error.as_ref().map(|name| code(name).map(Effect::Error)),
        written.per_second.map(|per_second| throttle(per_second, written.when_over.as_deref())),
        written.lose.then_some(Ok(Effect::Lose)),
        written.store_full.then_some(Ok(Effect::StoreFull)),
        written.user.as_ref().map(|user| drift(user, written.drift.as_deref())),
        written.key.as_ref().map(|label| Ok(Effect::Missing(Missing { label: label.clone() }))),
    ];
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    let [effect] = &mut found[..] else {
        return Err(format!(
            "it has {} effects: give one of latency_ms, error, per_second, lose, store_full, user and key",
            found.len()
        ));
    };
    if written.when_over.is_some() && written.per_second.is_none() {
        return Err("when_over goes with per_second".into());
    }
    if written.drift.is_some() && written.user.is_none() {
        return Err("drift goes with user".into());
    }
    std::mem::replace(effect, Ok(Effect::Lose))
}

fn code(name: &str) -> Result<CK_RV, String> {
    match rv_of(name) {
        Some(CKR_OK) | None => Err(format!("{name:?} is no error code, such as \"CKR_DEVICE_ERROR\"")),
        Some(rv) => Ok(rv),
    }
}

fn throttle(per_second: f64, when_over: Option<&str>) -> Result<Effect, String> {
    if !(0.001..=1e9).contains(&per_second) {
        return Err(format!("per_second = {per_second} is not 0.001 to 1000000000"));
    }
    let over = match when_over {
        None | Some("wait") => Over::Wait,
        Some(name) => Over::Answer(code(name)?),
    };
    Ok(Effect::Throttle { per_second, over })
}

fn drift(user: &str, drift: Option<&str>) -> Result<Effect, String> {
    let old_password = match drift {
        None | Some("missing") => false,
        Some("old-password") => true,
        Some(other) => return Err(format!("drift = {other:?}: use \"missing\" or \"old-password\"")),
    };
    Ok(Effect::Drift(Drift { user: user.to_ascii_lowercase(), old_password }))
}

fn latency(written: &WrittenLatency) -> Result<Latency, String> {
    let (latency, sound) = match *written {
        WrittenLatency::Fixed(ms) => (Latency::Fixed(ms), ms >= 0.0),
        WrittenLatency::Uniform { min, max } => (Latency::Uniform { min, max }, 0.0 <= min && min <= max),
        WrittenLatency::Normal { mean, deviation } => {
            (Latency::Normal { mean, deviation }, mean >= 0.0 && deviation >= 0.0)
        }
        WrittenLatency::LogNormal { median, p99 } => {
            let sigma = (p99 / median).ln() / Z_99;
            (Latency::LogNormal { mu: median.ln(), sigma }, 0.0 < median && median <= p99 && p99.is_finite())
        }
    };
    match sound {
        true => Ok(latency),
        false => Err(
            "latency_ms is a number from 0, { min, max }, { median, p99 } or { mean, deviation }, each in \
                      that order and not below 0"
                .into(),
        ),
    }
}

/// Whether a name is as the pattern has it, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(tail) = name.strip_prefix(start) else { return false };
            (0..=tail.len()).any(|at| tail.is_char_boundary(at) && matches(rest, &tail[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (pattern, name, is_match) in [
            ("C_Encrypt", "C_Encrypt", true),
            ("C_Encrypt", "C_EncryptInit", false),
            ("C_Encrypt*", "C_EncryptInit", true),
            ("C_*Init", "C_SignInit", true),
            ("C_*Init", "C_InitToken", false),
            ("*", "C_Login", true),
            ("C_*Key*", "C_GenerateKeyPair", true),
            ("c_encrypt", "C_Encrypt", false),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }

    #[test]
    fn a_plan_says_what_goes_wrong_where_and_when() {
        let plan = FaultPlan::parse(
            "seed = 7
             [[fault]]\nhsm = 0\nfunction = \"C_Encrypt*\"\nlatency_ms = { median = 5, p99 = 80 }
             [[fault]]\nhsm = [\"hsm-a\", \"2\"]\nerror = \"CKR_DEVICE_MEMORY\"\nrate = 0.25\ncount = 3
             [[fault]]\nper_second = 100\nwhen_over = \"CKR_FUNCTION_FAILED\"
             [[fault]]\nuser = \"KmsUser\"\ndrift = \"old-password\"",
        )
        .unwrap();
        assert_eq!((plan.seed(), plan.faults().len()), (Some(7), 4));
        let [slow, broken, busy, drifted] = plan.faults() else { panic!("four") };
        assert!(slow.concerns("hsm-x", 0) && !slow.concerns("hsm-x", 1));
        assert!(slow.hits("C_EncryptFinal") && !slow.hits("C_Decrypt"));
        assert!(broken.concerns("hsm-a", 9) && broken.concerns("hsm-b", 2) && broken.hits("C_Login"));
        assert_eq!((broken.rate, broken.count), (0.25, Some(3)));
        assert_eq!(broken.effect, Effect::Error(cryptoki_sys::CKR_DEVICE_MEMORY));
        let over = Over::Answer(cryptoki_sys::CKR_FUNCTION_FAILED);
        assert_eq!(busy.effect, Effect::Throttle { per_second: 100.0, over });
        let old = Drift { user: "kmsuser".into(), old_password: true };
        assert_eq!(drifted.effect, Effect::Drift(old));
    }

    #[test]
    fn what_is_no_plan_is_named() {
        for (text, says) in [
            ("[[fault]]", "it has 0 effects"),
            ("[[fault]]\nlose = true\nstore_full = true", "it has 2 effects"),
            ("[[fault]]\nerror = \"CKR_OK\"", "CKR_OK"),
            ("[[fault]]\nerror = \"CKR_NONE\"", "CKR_NONE"),
            ("[[fault]]\nlose = true\nrate = 1.5", "rate = 1.5"),
            ("[[fault]]\nlose = true\nrat = 0.5", "rat"),
            ("[[fault]]\nlatency_ms = -1", "latency_ms"),
            ("[[fault]]\nlatency_ms = { min = 5, max = 1 }", "latency_ms"),
            ("[[fault]]\nlatency_ms = { median = 0, p99 = 1 }", "latency_ms"),
            ("[[fault]]\nlatency_ms = nan", "latency_ms"),
            ("[[fault]]\nper_second = 0", "per_second"),
            ("[[fault]]\nlose = true\nwhen_over = \"wait\"", "when_over"),
            ("[[fault]]\nuser = \"x\"\ndrift = \"odd\"", "odd"),
            ("[[fault]]\nuser = \"x\"\nrate = 0.5", "leave out"),
            ("seed = -1", "seed"),
        ] {
            let error = FaultPlan::parse(text).unwrap_err().to_string();
            assert!(error.contains(says) && error.starts_with("fault plan: "), "{text}: {error}");
        }
        let plan = FaultPlan::parse("[[fault]]\nfunction = \"C_Encypt\"\nlose = true").unwrap();
        assert!(plan.check_functions(["C_Encrypt"].into_iter()).is_err());
        let plan = FaultPlan::parse("[[fault]]\nfunction = \"C_Enc*\"\nlose = true").unwrap();
        assert!(plan.check_functions(["C_Encrypt"].into_iter()).is_ok());
    }

    /// Of many samples drawn evenly, the median and the 99th percentile are what was asked for.
    #[test]
    fn samples_are_as_their_distribution_says() {
        let drawn = |text: &str| {
            let plan = FaultPlan::parse(&format!("[[fault]]\nlatency_ms = {text}")).unwrap();
            let Effect::Latency(latency) = plan.faults()[0].effect else { panic!("a latency") };
            let grid = (0..300).flat_map(|u| (0..300).map(move |v| (u, v)));
            let sample =
                |(u, v)| latency.sample_ms((f64::from(u) + 0.5) / 300.0, (f64::from(v) + 0.5) / 300.0);
            let mut samples: Vec<f64> = grid.map(sample).collect();
            samples.sort_by(f64::total_cmp);
            [0.0, 0.5, 0.99, 1.0].map(|part| samples[((samples.len() - 1) as f64 * part) as usize])
        };
        assert_eq!(drawn("5"), [5.0; 4]);
        let near = |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.05, "{found} {wanted}");
        let [least, median, _, most] = drawn("{ min = 10, max = 20 }");
        assert!(least >= 10.0 && most <= 20.0);
        near(median, 15.0);
        let [_, median, p99, _] = drawn("{ median = 5, p99 = 80 }");
        near(median, 5.0);
        near(p99, 80.0);
        let [least, median, p99, _] = drawn("{ mean = 10, deviation = 4 }");
        assert!(least >= 0.0);
        near(median, 10.0);
        near(p99, 10.0 + 4.0 * Z_99);
    }
}
