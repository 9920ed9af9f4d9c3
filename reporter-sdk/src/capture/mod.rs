//! How an error is noticed and handed to the handler.

pub(crate) mod handled;
