//! What does a caller get?
//!
//! - `reply`: the forms an answer can take; `negotiate`: page or data; `headers`: what goes out with all of them.
//! - `rejection`: why something was not done, and may be tried again; `errors`: why a request was not let through at all.
//! - `body`: what was sent.

pub(crate) mod body;
pub mod errors;
pub(crate) mod headers;
pub(crate) mod negotiate;
pub(crate) mod rejection;
pub mod reply;
pub(crate) mod told;
