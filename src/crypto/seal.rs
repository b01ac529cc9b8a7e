//! Sealing of records at rest.
