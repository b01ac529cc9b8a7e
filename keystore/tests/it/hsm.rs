//! Connections to HSMs.

mod keys;
