//! What may become of a session?
//!
//! - `record`: the row, and the contract of whoever keeps it; `rotation`: the state machine, a pure function.
//! - `authority`: every change goes through here; `unkept`: sign-outs that wait for the store; `hooks`: what an application adds.
//! - `view`, `confirmed`: what this node knows without asking; `follow`: what keeps that current beside the requests.
//! - `event`, `journal`: what happened, on its way to the log and the store.

pub(in crate::auth) mod authority;
pub(in crate::auth) mod confirmed;
pub mod event;
pub(in crate::auth) mod follow;
pub(in crate::auth) mod hooks;
pub(in crate::auth) mod journal;
pub(in crate::auth) mod record;
pub mod rotation;
pub(in crate::auth) mod store_error;
pub(in crate::auth) mod telling;
pub(in crate::auth) mod unkept;
pub(in crate::auth) mod view;
