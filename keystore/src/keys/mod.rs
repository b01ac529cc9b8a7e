//! KMS keys, their aliases, tags, policies and grants: one file per operation or family.

pub(crate) mod aliases;
pub(crate) mod api;
mod cancel_key_deletion;
mod create_external_key;
mod create_key;
mod delete_due_keys;
pub(crate) mod describe_key;
mod enable_key;
pub(crate) mod external;
mod form;
pub(crate) mod grants;
mod key_policies;
mod list_aliases;
mod list_keys;
pub(crate) mod locate;
mod orphans;
mod policy;
mod principal;
mod schedule_key_deletion;
pub(crate) mod states;
mod tags;
mod update_key_description;

pub use orphans::Orphan;
