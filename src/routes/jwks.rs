//! `/.well-known/jwks.json`: the public keys, for services that verify our tokens themselves.

use rocket::http::{ContentType, Header};
use rocket::{Responder, get};

use crate::auth::Sessions;

/// A key set that may be cached for as long as an operator waits between `key new` and `key rotate`.
#[derive(Responder)]
pub(crate) struct KeySet {
    body: (ContentType, String),
    caching: Header<'static>,
}

/// `GET /.well-known/jwks.json` (RFC 7517 §5). It is empty when all keys are secrets.
#[get("/.well-known/jwks.json")]
pub(crate) fn jwks(sessions: Sessions<'_>) -> KeySet {
    KeySet {
        body: (ContentType::new("application", "jwk-set+json"), sessions.public_keys().to_string()),
        caching: Header::new("Cache-Control", "public, max-age=300"),
    }
}
