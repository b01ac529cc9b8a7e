//! Random input: nothing crashes or hangs, no fault of the library's own is told, and no operation is stuck.
//!
//! `FUZZ_SECONDS` says for how long all targets run together, a minute without it. What a target failed on is told as
//! `BOLERO_RANDOM_SEED`, which repeats it; the input of a crash lies in the folder for temporary files as
//! `vhsm-fuzz-TARGET`, and `FUZZ_INPUT` names a file to be run alone.

mod calls;
mod parameters;
mod records;
mod templates;
mod wrapped;

use crate::support::name;
use cryptoki_sys::*;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;
use vhsm_pkcs11::api::rv_name;

/// Longer ones are not taken: enough for every choice of one round.
const MOST_BYTES: usize = 700;

/// What is random, taken piece by piece; zeros when it is at its end.
pub struct Choices<'b>(&'b [u8]);

impl<'b> Choices<'b> {
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// Less than `count`.
    pub fn below(&mut self, count: usize) -> usize {
        let number = match count {
            0..=256 => usize::from(self.byte()),
            _ => usize::from(u16::from_le_bytes([self.byte(), self.byte()])),
        };
        number % count.max(1)
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// At most so many bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// The bytes with some of them changed, left out, doubled or cut off.
    pub fn spoilt(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(7) {
                _ if bytes.is_empty() => bytes.push(self.byte()),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.byte(),
                2 => bytes[at] = bytes[at].wrapping_add(1),
                3 => drop(bytes.remove(at)),
                4 => bytes.insert(at, self.byte()),
                5 => bytes.truncate(at),
                _ => {
                    let end = bytes.len().min(at + self.below(9));
                    bytes.extend_from_within(at..end);
                }
            }
        }
        bytes
    }
}

/// One target, which has its part of the time.
struct Target<F> {
    /// The input of the round that runs, for nothing is left to tell it after a crash.
    input: File,
    run: F,
}

impl<F> UnwindSafe for Target<F> {}
impl<F> RefUnwindSafe for Target<F> {}

impl<F: Fn(&mut Choices)> Target<F> {
    fn round(&self, bytes: &[u8]) {
        self.input.write_all_at(bytes, 0).expect("a file takes the input");
        self.input.set_len(bytes.len() as u64).expect("a file of the input's length");
        (self.run)(&mut Choices(bytes));
    }
}

/// Runs a target for so many hundredths of the time.
fn fuzz(name: &'static str, share: u64, run: impl Fn(&mut Choices)) {
    let input = File::create(std::env::temp_dir().join(format!("vhsm-fuzz-{name}"))).expect("a file");
    let target = Target { input, run };
    if let Some(path) = std::env::var_os("FUZZ_INPUT") {
        return target.round(&std::fs::read(path).expect("FUZZ_INPUT is a file"));
    }
    let seconds = std::env::var("FUZZ_SECONDS").map_or(60, |text| text.parse().expect("FUZZ_SECONDS"));
    let time = Duration::from_millis(seconds * 10 * share);
    bolero::check!()
        .with_test_time(time)
        .with_max_len(MOST_BYTES)
        .for_each(move |bytes: &[u8]| target.round(bytes));
}

/// A code that blames the caller: a fault of the library's own fails.
#[track_caller]
fn blameless(what: impl Fn() -> String, rv: CK_RV) -> CK_RV {
    let faults = [CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED, CKR_HOST_MEMORY];
    assert!(!faults.contains(&rv), "{}: {}", what(), rv_name(rv));
    assert!(!name(rv).is_empty());
    rv
}

#[test]
fn mechanisms_and_their_parameters() {
    let target = calls::Mechanisms::new();
    fuzz("mechanisms", 40, |choices| target.round(choices));
}

#[test]
fn templates() {
    let target = templates::Templates::new();
    fuzz("templates", 25, |choices| target.round(choices));
}

#[test]
fn wrapped_keys() {
    let target = wrapped::Wrapped::new();
    fuzz("wrapped", 20, |choices| target.round(choices));
}

#[test]
fn stored_objects() {
    let samples = records::objects();
    fuzz("objects", 5, |choices| records::object(&samples, choices));
}

#[test]
fn stored_records() {
    let target = records::Records::new();
    fuzz("records", 10, |choices| target.round(choices));
}
