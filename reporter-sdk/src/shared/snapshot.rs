//! The handler's side.
