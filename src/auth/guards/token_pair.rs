//! Tokens on their way to a program that keeps them itself.

use std::fmt;

use serde::Serialize;

use crate::auth::sessions::authority::Pair;

/// A pair of tokens for a program that keeps them itself.
///
/// ```
/// use portcullis::{Refusal, Sessions, testing::Kit};
/// use rocket::{post, routes};
///
/// #[post("/token")]
/// async fn token(sessions: Sessions<'_>) -> Result<String, Refusal> {
///     let (_session, pair) = sessions.sign_in_without_cookies("ada", &[], false).await?;
///     Ok(serde_json::json!(pair).to_string())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![token]));
/// assert!(site.anonymous().post_form("/token", &[]).json()["access_token"].is_string());
/// ```
#[derive(Clone, Serialize)]
pub struct TokenPair {
    /// For protected routes, as `Authorization: Bearer …`.
    pub access_token: String,
    /// For the next pair.
    pub refresh_token: String,
}

impl From<Pair> for TokenPair {
    fn from(pair: Pair) -> Self {
        Self { access_token: pair.access, refresh_token: pair.refresh }
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenPair(…)")
    }
}
