//! What do administrators see and do?

pub(crate) mod administrator;
pub(crate) mod factors;
pub(crate) mod issued;
pub(crate) mod leaving;
pub(crate) mod list;
pub(crate) mod outbox;
pub(crate) mod person;
