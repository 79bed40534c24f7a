//! Portcullis: login and sessions for Rocket.

pub mod auth;
pub mod store;
pub mod users;
