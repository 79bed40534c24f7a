//! What people do in a browser, step by step.

pub(crate) mod cookies;
pub(crate) mod cross_site;
pub(crate) mod fetch;
pub(crate) mod flows;
pub(crate) mod front_ends;
pub(crate) mod journey;
pub(crate) mod keyboard;
mod mail;
mod passkeys;
pub(crate) mod people;
pub(crate) mod tabs;
pub(crate) mod theme;
