//! What waits to be told: events for their store, sign-outs for the store that was away, revocations for sibling services.

pub(in crate::auth) mod blocklist;
pub(in crate::auth) mod journal;
pub(in crate::auth) mod unkept;
