//! Why a token is not one of ours: a closed list, with the words a caller may read.

/// Why a token is not one of ours.
///
/// ```
/// use portcullis::AuthError;
/// use portcullis::auth::Invalid;
///
/// let error = AuthError::Invalid(Invalid::Signature);
/// assert_eq!(error.code(), "invalid_token");
/// assert_eq!(error.to_string(), Invalid::Signature.message());
/// assert_eq!(Invalid::Signature.message(), "Signature verification failed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// Longer than 4096 bytes: refused before anything is parsed.
    TooLong,
    /// Not three segments.
    Segments,
    /// The header is not base64url of a JSON object with exactly our members.
    Header,
    /// The payload is not base64url of JSON with claims of the right types, each once.
    Payload,
    /// `alg` is not the key's.
    Algorithm,
    /// `typ` is not ours.
    Typ,
    /// `kid` names no key of the ring.
    KeyId,
    /// The signature is not the key's.
    Signature,
    /// A required claim is absent.
    MissingClaim(Claim),
    /// `iat` lies in the future.
    IssuedInFuture,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `exp − iat` is more than the configured life: nobody minted this here.
    LivesTooLong,
    /// `iss` is not the configured one.
    Issuer,
    /// `aud` is not the configured one.
    Audience,
    /// `sub` is not the person this session belongs to.
    Subject,
    /// `gen` was never handed out: the store was rolled back, or somebody holds the signing key.
    NeverIssued,
    /// The `Authorization` header is not `Bearer` and one token.
    Bearer,
    /// The parameter of the query string does not begin as configured.
    QueryPrefix,
}

/// A claim that must be there.
///
/// ```
/// use portcullis::auth::{Claim, Invalid};
///
/// assert_eq!(Invalid::MissingClaim(Claim::Exp).message(), "Missing claim: exp");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the claim of that name")]
pub enum Claim {
    Exp,
    Iat,
    Nbf,
    Jti,
    Type,
    Sub,
    Sid,
    Gen,
    Csrf,
    Iss,
    Aud,
}

impl Invalid {
    /// The text a caller may read: PyJWT's or flask-jwt-extended's where they have one.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Segments => "Not enough segments",
            Self::Algorithm => "The specified alg value is not allowed",
            Self::Signature => "Signature verification failed",
            Self::IssuedInFuture => "The token is not yet valid (iat)",
            Self::NotYetValid => "The token is not yet valid (nbf)",
            Self::Issuer => "Invalid issuer",
            Self::Audience => "Audience doesn't match",
            Self::Bearer => "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
            Self::MissingClaim(claim) => match claim {
                Claim::Exp => "Missing claim: exp",
                Claim::Iat => "Missing claim: iat",
                Claim::Nbf => "Missing claim: nbf",
                Claim::Jti => "Missing claim: jti",
                Claim::Type => "Missing claim: type",
                Claim::Sub => "Missing claim: sub",
                Claim::Sid => "Missing claim: sid",
                Claim::Gen => "Missing claim: gen",
                Claim::Csrf => "Missing claim: csrf",
                Claim::Iss => "Token is missing the \"iss\" claim",
                Claim::Aud => "Token is missing the \"aud\" claim",
            },
            _ => "Invalid token",
        }
    }
}
