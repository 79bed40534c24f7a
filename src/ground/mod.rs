//! What does the machine give?
//!
//! The time and unguessable numbers, each behind a trait, so that a test brings its own; and how long somebody waits for it.
//! Nothing here knows the rest of the crate.

pub(crate) mod clock;
pub(crate) mod patience;
pub(crate) mod random;
