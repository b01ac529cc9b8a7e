//! The library through its C interface, topic by topic, as PKCS#11 says it.
//!
//! Every test has its own process (nextest) or waits for the others (`cargo test`): C_Initialize is per
//! process. `support` finds the freshly built library and gives each test an empty VHSM_HOME.

mod churn;
mod cipher;
mod ciphers;
mod client;
mod cloudhsm_basics;
mod cloudhsm_gcm;
mod cluster;
mod coherence;
mod create;
mod digest_and_sign;
mod dual;
mod durability;
mod ec_sign;
mod edges;
mod files;
mod find;
mod fork;
mod general;
mod in_place;
mod interfaces;
mod ivs;
mod key_use;
mod legacy;
mod life;
mod log;
mod login;
mod message_nonces;
mod message_sign;
mod messages;
mod objects;
mod old_stores;
mod operation_state;
mod operations;
mod pairs;
mod peer;
mod races;
mod random;
mod random_calls;
mod read;
mod rsa_sign;
mod secrecy;
mod session_objects;
mod sessions;
mod slot;
mod slot_event;
mod support;
mod sweep;
mod threads;
mod token;
mod unsupported;
mod verify_signature;
mod wrap;
