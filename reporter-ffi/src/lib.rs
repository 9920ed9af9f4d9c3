//! reporter-ffi
