//! Why a store has no answer; never that somebody is signed out.

use crate::auth::wire::error::AuthError;

/// The store is out of reach or answered nonsense.
/// The caller answers 503; it never means "signed out".
///
/// ```
/// use portcullis::AuthError;
/// use portcullis::auth::StoreError;
///
/// let error = StoreError::Unreachable("connection refused".into());
/// assert_eq!(error.to_string(), "the store is out of reach");
/// assert_eq!(AuthError::from(error).status().code, 503);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store did not answer, or answered with an error of its own.
    #[error("the store is out of reach")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this version cannot read.
    #[error("the store holds a row that cannot be read: {0}")]
    Damaged(&'static str),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the session store did not answer");
        Self::Unavailable
    }
}
