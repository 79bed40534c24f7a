//! Portcullis: login and sessions for Rocket.

pub mod app;
pub mod auth;
pub mod routes;
pub mod settings;
pub mod store;
pub mod users;

pub use auth::{
    AccessToken, AuthError, CsrfToken, CurrentUser, CustomClaims, FreshToken, OptionalToken, Portcullis,
    RefreshToken, Role, RoleToken, Sessions, SignedIn,
};

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
