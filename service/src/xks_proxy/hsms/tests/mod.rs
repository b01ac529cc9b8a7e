//! HSMs of this program's own library and of SoftHSM, as the proxy uses them.

/// Makes a test on each kind of HSMs of functions that take it.
macro_rules! on_every_module {
    ($($test:ident,)*) => {
        mod on_vhsm {
            $(#[test]
            fn $test() {
                super::$test(crate::xks_proxy::hsms::tests::scene::Kind::Vhsm);
            })*
        }

        mod on_softhsm {
            $(#[test]
            fn $test() {
                super::$test(crate::xks_proxy::hsms::tests::scene::Kind::SoftHsm);
            })*
        }
    };
}

mod failures;
mod groups;
mod operations;
pub mod scene;
mod speed;

use super::*;
use crate::xks_proxy::settings::{IvSource, KeyName, ModuleChoice, TokenChoice};
use scene::{Kind, LONG, Scene};
