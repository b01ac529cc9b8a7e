//! The key-store layer over real PKCS#11 modules: this project's library and SoftHSM.
//!
//! Every test has its own process (nextest) or waits for the others (`cargo test`): C_Initialize is per process.

/// Makes a test on each kind of HSMs of functions that take it.
macro_rules! on_every_module {
    ($($test:ident,)*) => {
        mod on_vhsm {
            $(#[test]
            fn $test() {
                super::$test(crate::support::Kind::Vhsm);
            })*
        }

        mod on_softhsm {
            $(#[test]
            fn $test() {
                super::$test(crate::support::Kind::SoftHsm);
            })*
        }
    };
}
pub(crate) use on_every_module;

mod crypto;
mod external;
mod foreign;
mod hsm;
mod keys;
mod proxy;
mod states;
mod stores;
mod support;
mod world;
mod xks;
mod xks_keys;
