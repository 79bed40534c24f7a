//! Getting in, staying in, and out.

pub(crate) mod code;
pub(crate) mod enumeration;
pub(crate) mod leaked;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod sign_in;
pub(crate) mod throttle;
