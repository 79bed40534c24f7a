//! How does somebody get in, stay in, and out?

pub(crate) mod begin;
pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod enrol;
pub(crate) mod enrolment;
pub(crate) mod factor;
pub(crate) mod form_proof;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod passkey;
pub(crate) mod reauthenticate;
pub(crate) mod refresh;
