pub(crate) mod clock;
pub(crate) mod mapping;
