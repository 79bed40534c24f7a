//! What people see.

pub(crate) mod account;
mod base_path;
mod dashboard;
pub(crate) mod home;
pub(crate) mod people;
pub(crate) mod templates;
pub(crate) mod theme;
pub(crate) mod theme_refusals;
