//! What the peers share: the guard as somebody writes it by hand.
//!
//! It verifies the token of one cookie with the JWT crate, and looks its id up in a set of this process. It knows no
//! sessions, no CSRF proof, no rotation, and forgets what was revoked when it ends.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};

/// The cookie that is looked at.
pub const COOKIE: &str = "access_token_cookie";

/// What is answered.
#[derive(Serialize)]
pub struct Reply {
    pub logged_in_as: String,
}

/// What is read of a token.
#[derive(Deserialize)]
pub struct Claims {
    pub sub: String,
    pub jti: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The key, and what was revoked.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
    revoked: RwLock<HashSet<String>>,
}

impl Default for Verifier {
    fn default() -> Self {
        let secret = std::env::var("JWT_SECRET").unwrap_or_default();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self { key: DecodingKey::from_secret(secret.as_bytes()), validation, revoked: RwLock::default() }
    }
}

impl Verifier {
    /// The claims of an access token; whether it was revoked is not asked.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        (claims.kind == "access").then_some(claims)
    }

    /// Whether this process has revoked this token.
    pub fn is_revoked(&self, id: &str) -> bool {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}
