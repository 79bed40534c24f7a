//! What may become of a session?
//!
//! - `record`: the row, and the contract of whoever keeps it; `rotation`: the state machine, a pure function.
//! - `authority`: every change goes through here; `check`: whether a token still counts; `hooks`: what an application adds.
//! - `view`, `confirmed`: what this node knows without asking; `follow`: what keeps that current beside the requests.
//! - `event`: what happened; `waiting`: what waits to be told, to the stores and to sibling services; `telling` tells it.

pub(in crate::auth) mod authority;
pub(in crate::auth) mod check;
pub(in crate::auth) mod confirmed;
pub mod event;
pub(in crate::auth) mod follow;
pub(in crate::auth) mod hooks;
pub(in crate::auth) mod record;
pub mod rotation;
pub(in crate::auth) mod store_error;
pub(in crate::auth) mod telling;
pub(in crate::auth) mod view;
pub(in crate::auth) mod waiting;
