//! The words on the wire.
//!
//! - `names`: what cookies, headers, fields and members are called; `cookies`: their attributes, and how they leave.
//! - `error`: every reason to refuse, in one closed list; `proved`: how sure it is who somebody is.

pub(in crate::auth) mod cookies;
pub(in crate::auth) mod error;
pub(in crate::auth) mod invalid;
pub(in crate::auth) mod kind;
pub(in crate::auth) mod names;
pub(in crate::auth) mod origin;
pub(in crate::auth) mod place;
pub(in crate::auth) mod proved;
