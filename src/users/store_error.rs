//! Why the store of accounts has no answer.

/// The accounts' store is out of reach; answered with 503, never with "unknown user".
///
/// ```
/// use portcullis::users::{AccountStoreError, SignInError};
///
/// let error = AccountStoreError("connection refused".into());
/// assert_eq!(error.to_string(), "the account store is out of reach");
/// assert!(matches!(SignInError::Unavailable(error.into()), SignInError::Unavailable(_)), "503, and no verdict");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the account store is out of reach")]
pub struct AccountStoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
