//! Starts the handler.
