//! How does somebody get in, stay in, and out?

pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod factor;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod reauthenticate;
pub(crate) mod refresh;
