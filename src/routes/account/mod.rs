//! What does somebody see and do who is signed in?

pub(crate) mod apps;
pub(crate) mod dashboard;
pub(crate) mod factors;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod sessions;
pub(crate) mod trust;
