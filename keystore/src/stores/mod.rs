//! Custom key stores: one file per operation.
//!
//! A key store's record says which connection state it is in, and counts its attempts: each Connect and Disconnect is one. What goes on
//! after their answers (`connecting`, and the ends of both in their files) holds the key store's claim, so that it is done once
//! at a time, and leaves the state alone where another attempt has begun meanwhile.

pub(crate) mod api;
mod connect_custom_key_store;
mod connecting;
pub(crate) mod connection;
mod create_custom_key_store;
mod delete_custom_key_store;
mod describe_custom_key_stores;
mod disconnect_custom_key_store;
pub(crate) mod external;
pub(crate) mod find;
pub(crate) mod keep;
mod members;
mod password;
mod register;
mod trust_anchor;
mod update_custom_key_store;
