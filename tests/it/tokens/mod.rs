//! What a token says and who takes it: keys, names, places, guards.

pub(crate) mod clock_steps;
pub(crate) mod fence;
pub(crate) mod flask_cases;
pub(crate) mod foreign;
pub(crate) mod guards;
pub(crate) mod hooks;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod locations;
pub(crate) mod names;
pub(crate) mod outages;
