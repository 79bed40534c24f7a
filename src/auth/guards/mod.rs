//! What does a handler name in its signature?
//!
//! - `tokens`: the guards that ask for a token; `places`: those for one certain place of it; `user`: the application's own type.
//! - `forms`: what a form must send back, and an honest attempt to sign in; `form_cookie`: what one that comes back tells.
//! - `sessions`: what a handler may do to its own sessions; `oversight`: to other people's; `token_pair`: tokens for programs.
//! - `fence`: a whole mount closed by default; `page_context`: what every template wants to know.
//! - `refusal`: why a request is not let through, as programs read it.

pub(in crate::auth) mod fence;
#[cfg(feature = "app")]
pub(in crate::auth) mod form_cookie;
pub(in crate::auth) mod forms;
pub(in crate::auth) mod outcome;
pub(in crate::auth) mod oversight;
pub(in crate::auth) mod page_context;
pub(in crate::auth) mod places;
pub(in crate::auth) mod refusal;
pub(in crate::auth) mod sessions;
pub(in crate::auth) mod token_pair;
pub(in crate::auth) mod tokens;
pub(in crate::auth) mod user;
