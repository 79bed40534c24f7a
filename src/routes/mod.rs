//! What does a caller see?
//!
//! One file per URL, with its form, its JSON and its page together; `pages` is the table of them all.
//! A route decides nothing about who somebody is: guards have judged before it runs.

pub(crate) mod account;
pub(crate) mod admin;
pub mod answer;
pub(crate) mod edge;
mod files;
pub mod health;
pub(crate) mod home;
mod jwks;
pub(crate) mod mail;
pub(crate) mod openapi;
pub(crate) mod people;
pub(crate) mod protected;
pub(crate) mod signing;
pub mod view;

pub mod pages;

pub use pages::routes;
