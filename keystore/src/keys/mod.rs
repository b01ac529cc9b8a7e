//! KMS keys, their aliases, tags, policies and grants: one file per operation or family.

pub(crate) mod api;
pub(crate) mod locate;
pub(crate) mod states;
