//! What do administrators see and do?

pub(crate) mod administrator;
pub(crate) mod list;
pub(crate) mod person;
