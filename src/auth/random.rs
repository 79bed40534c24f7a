//! Unguessable numbers, from the operating system.
//! The only file that asks for randomness; a source that fails makes the caller answer 503, never guess.

/// Where the crate gets its randomness from.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with unguessable values.
    ///
    /// # Errors
    /// [`RandomError`] when the source gives nothing; the caller then mints nothing (OWASP ASVS 11.2.5).
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of randomness gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's source of randomness failed")]
pub struct RandomError;

/// The operating system's generator (`getrandom`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks the system for randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}
