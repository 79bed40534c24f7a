//! What does a request say, and what does it prove?
//!
//! - `verdict`: the one judgement per request behind every guard.
//! - `location`: where the token stands; `csrf`, `origin`: who sent the request, and whether the person meant to.
//! - `caller`: where it comes from; `cors`: which pages may read the answer; `negotiate`: page or data.

pub(in crate::auth) mod caller;
pub(in crate::auth) mod cors;
pub(in crate::auth) mod csrf;
pub(in crate::auth) mod location;
pub(in crate::auth) mod negotiate;
pub(in crate::auth) mod verdict;
