//! What does a request say, and what does it prove?
//!
//! - `verdict`: the one judgement per request behind every guard.
//! - `asked`: what a judgement looks at; it need not be a request of ours.
//! - `live`: whether a refresh token would be accepted, and what becomes of one that came back.
//! - `location`: where the token stands; `csrf`, `origin`: who sent the request, and whether the person meant to.
//! - `caller`: where it comes from; `cors`: which pages may read the answer; `negotiate`: page or data.

pub(in crate::auth) mod asked;
pub(in crate::auth) mod caller;
pub(in crate::auth) mod cors;
pub(in crate::auth) mod csrf;
pub(in crate::auth) mod live;
pub(in crate::auth) mod location;
pub(in crate::auth) mod negotiate;
pub(in crate::auth) mod verdict;
