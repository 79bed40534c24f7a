//! Access or refresh: what a token is for.

use serde::Serialize;

/// What a token is for, claim `type`; a closed set (RFC 8725 §3.12).
///
/// ```
/// use portcullis::{AuthError, auth::Kind};
/// assert_eq!(AuthError::WrongType(Kind::Refresh).to_string(), "Only refresh tokens are allowed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Opens protected routes; lives minutes.
    Access,
    /// Gets the next pair of tokens; lives days.
    Refresh,
}
