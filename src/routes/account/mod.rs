//! What does somebody see and do who is signed in?

pub(crate) mod activity;
pub(crate) mod apps;
pub(crate) mod dashboard;
pub(crate) mod factors;
pub(crate) mod leave;
pub(crate) mod own;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod sessions;
mod subject;
pub(crate) mod trust;
