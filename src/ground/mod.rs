//! What does the machine give?
//!
//! The time and unguessable numbers, each behind a trait, so that a test brings its own. Nothing here knows the rest of the
//! crate.

pub(crate) mod clock;
pub(crate) mod random;
