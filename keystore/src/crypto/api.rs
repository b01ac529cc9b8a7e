//! Requests and responses.
