//! Portcullis: login and sessions for Rocket.

pub mod app;
pub mod auth;
pub mod routes;
pub mod settings;
pub mod store;
pub mod testing;
pub mod users;

pub use auth::{
    AccessToken, AuthError, BearerToken, BodyRefreshToken, BodyToken, CookieToken, CsrfToken, CurrentUser,
    CustomClaims, Fence, FreshToken, OptionalToken, PageContext, Portcullis, QueryToken, RefreshToken,
    Refusal, Role, RoleToken, Sessions, SignInAttempt, SignedIn, StatelessToken, catchers,
};
