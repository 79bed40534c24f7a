//! The two CSRF values of a session, one derived from the other.

use sha2::{Digest, Sha256};

/// The access token's CSRF value, derived from the refresh token's.
///
/// The pair belongs to the session and stays the same through refreshes, so that a form in another tab keeps working,
/// and no store has to keep it: each refresh token carries it to the next.
/// Both are readable by the same scripts, so deriving one from the other gives nothing away.
pub(crate) fn access_value(refresh_value: &str) -> String {
    let digest: [u8; 32] =
        Sha256::new().chain_update(b"portcullis csrf access\0").chain_update(refresh_value).finalize().into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// A new value for a refresh token, out of 16 random bytes; a version 4 UUID as flask-jwt-extended writes it.
pub(crate) fn refresh_value(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}
