//! Getting in, staying in, and out.

pub(crate) mod code;
pub(crate) mod enumeration;
pub(crate) mod login;
pub(crate) mod logout;
mod machine;
mod passkeys;
pub(crate) mod password;
pub(crate) mod refresh;
mod second_factor;
pub(crate) mod sign_in;
mod strong_roles;
pub(crate) mod throttle;
