//! Facts that the product gives about itself.

use crate::reporter;

/// Sets the fact `key` to `value` in all reports from now on.
///
/// Keys have up to 128 bytes, values up to 872; longer ones are cut at a character, and the report says so of a value. There is room for 64 keys:
/// one more is dropped, and counted.
pub fn annotate(key: &str, value: &str) {
    if let Some(state) = reporter::entered() {
        state.shared.annotate(key, value);
    }
}

/// Forgets the fact `key`.
pub fn remove_annotation(key: &str) {
    if let Some(state) = reporter::entered() {
        state.shared.remove_annotation(key);
    }
}
