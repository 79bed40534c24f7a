//! Portcullis: login and sessions for [Rocket](https://rocket.rs).
//!
//! People sign in with a form or with JSON.
//! They hold a short access token and a long refresh token, JSON Web Tokens in cookies or headers, with the names and the
//! wire format of flask-jwt-extended.
//! Every change of state needs a CSRF proof; signing out ends the session at once and for good.
//!
//! # The paved path
//!
//! Attach [`Portcullis`], name a guard in the handler's signature, and sign people in with [`Sessions`]:
//!
//! ```no_run
//! use portcullis::{AccessToken, AuthError, Portcullis, Sessions, SignInAttempt, store};
//! use rocket::{get, launch, post, routes};
//!
//! /// Your own way of knowing who somebody is comes before the call.
//! #[post("/login")]
//! async fn login(_honest: SignInAttempt, sessions: Sessions<'_>) -> Result<&'static str, rocket::http::Status> {
//!     sessions.sign_in("alice", &["staff".to_owned()], false).await.map_err(AuthError::status)?;
//!     Ok("welcome")
//! }
//!
//! #[get("/hello")]
//! fn hello(token: AccessToken<'_>) -> String {
//!     format!("Hello {}", token.subject())
//! }
//!
//! #[launch]
//! fn rocket() -> _ {
//!     rocket::build()
//!         .attach(Portcullis::new(store::memory().sessions))
//!         .register("/", portcullis::catchers())
//!         .mount("/", routes![login, hello])
//! }
//! ```
//!
//! | you want | take |
//! |---|---|
//! | a valid access token, with a CSRF proof where one is due | [`AccessToken`] |
//! | the same, with claims of your own | `AccessToken<'_, MyClaims>`, see [`CustomClaims`] |
//! | a password entered recently | [`FreshToken`] |
//! | a role | [`RoleToken`] |
//! | a token or none | [`OptionalToken`] |
//! | a person looking at a page, silently renewed | [`SignedIn`] |
//! | your own user type | [`CurrentUser`] |
//! | a token from one certain place | [`BearerToken`], [`CookieToken`], [`QueryToken`], [`BodyToken`] |
//! | a refresh token out of a JSON body | [`BodyRefreshToken`] |
//! | a token that is good until it expires, whatever was revoked | [`StatelessToken`] |
//! | what every template wants to know | [`PageContext`] |
//! | the value that a form must send back | [`CsrfToken`] |
//! | a whole mount closed by default | [`Fence`] |
//! | to sign in, refresh, sign out, list and end sessions | [`Sessions`] |
//! | front ends on other origins | [`Cors`] |
//! | to ask how this node is doing | [`NodeStatus`] |
//! | to test all that | [`testing`] |
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `app` | the application: accounts, pages, command line, logging | yes |
//! | `second-factor` | people, passwords, codes of an app and recovery codes, for pages and tables of one's own, [`users`] | with `app` |
//! | `passkeys` | the same with passkeys | with `app` |
//! | `mail` | addresses, links and messages by SMTP or into a folder, [`mail`] | with `app` |
//! | `sqlite` | sessions in one file, [`store::open`] | with `app` |
//! | `postgres` | sessions in a PostgreSQL database, for several nodes, [`store::open`] | with `app` |
//! | `testing` | the test kit, [`testing`] | no |
//! | `tls` | Rocket's TLS | no |
//!
//! What these need besides is in [`auth`]: the records and contracts of a store of one's own, keys, clocks, settings.
//!
//! The settings are the table `[default.auth]` of `Rocket.toml`; see [`auth::AuthConfig`].
//! The modules [`app`], [`routes`] and [`settings`] are the application that `cargo run` starts, [`users`] those who may sign in to it.

#[cfg(feature = "app")]
pub mod app;
pub mod auth;
#[cfg(feature = "app")]
mod connections;
mod ground;
#[cfg(feature = "app")]
pub mod leaked;
#[cfg(feature = "app")]
mod leaving;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(feature = "app")]
mod metrics;
#[cfg(feature = "app")]
pub mod routes;
#[cfg(feature = "app")]
pub mod settings;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "app")]
mod theme;
#[cfg(feature = "second-factor")]
pub mod users;

pub use auth::{
    AccessToken, AuthError, BearerToken, BodyRefreshToken, BodyToken, Claims, CookieToken, Cors, CsrfToken,
    CurrentUser, CustomClaims, Fence, FreshToken, NodeStatus, OptionalToken, PageContext, Portcullis,
    QueryToken, RefreshToken, Refusal, Role, RoleToken, SameOrigin, SessionClaims, Sessions, SignInAttempt,
    SignedIn, StatelessToken, StrongToken, TokenPair, catchers,
};

/// Holds the README's Rust to the code.
#[cfg(all(doctest, feature = "app", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
