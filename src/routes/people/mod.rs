//! What do administrators see and do?

pub(crate) mod administrator;
pub(crate) mod factors;
pub(crate) mod list;
pub(crate) mod person;
