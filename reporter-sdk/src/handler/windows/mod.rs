//! How the handler sees, stops, reads and starts processes here: by handles that it was given.

pub(super) mod children;
pub(super) mod connection;
pub(super) mod log;
pub(super) mod manners;
pub(super) mod stop;
pub(super) mod threads;
pub(super) mod thrift;
pub(super) mod watch;
