//! Unguessable numbers, from the operating system.
//! The only file that asks for randomness; a source that fails makes the caller answer 503, never guess.

/// Where the crate gets its randomness from.
///
/// ```
/// use portcullis::auth::{Algorithm, KeyFile, Random, RandomError};
///
/// /// A source that has run dry.
/// struct Dry;
///
/// impl Random for Dry {
///     fn fill(&self, _bytes: &mut [u8]) -> Result<(), RandomError> {
///         Err(RandomError)
///     }
/// }
///
/// let folder = tempfile::tempdir().unwrap();
/// let file = KeyFile::at(folder.path().join("keys.json"));
/// assert!(file.add(Algorithm::HS256, &Dry).is_err(), "no key is ever guessed");
/// ```
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with unguessable values.
    ///
    /// # Errors
    /// [`RandomError`] when the source gives nothing; the caller then mints nothing (OWASP ASVS 11.2.5).
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of randomness gave nothing.
///
/// ```
/// use portcullis::AuthError;
/// use portcullis::auth::RandomError;
///
/// assert_eq!(RandomError.to_string(), "the system's source of randomness failed");
/// assert_eq!(AuthError::from(RandomError), AuthError::Unavailable);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's source of randomness failed")]
pub struct RandomError;

/// The operating system's generator (`getrandom`).
///
/// ```
/// use portcullis::auth::{OsRandom, Random};
///
/// let mut bytes = [0; 32];
/// OsRandom.fill(&mut bytes).unwrap();
/// assert_ne!(bytes, [0; 32]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks the system for randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}
