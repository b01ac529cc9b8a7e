//! Tests of the life cycle: every transition, and every refusal.
