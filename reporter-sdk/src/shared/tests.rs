//! Tests of writer and snapshot together.
