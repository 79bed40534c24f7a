//! What does the machine give?
//!
//! The time and unguessable numbers, each behind a trait, so that a test brings its own; how long somebody waits for it, on
//! account of which request, and how long things took.
//! Nothing here knows the rest of the crate.

pub(crate) mod clock;
pub(crate) mod patience;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod spans;
pub(crate) mod timings;
