//! Why a request was refused: one closed list, with the words the caller may read.
//!
//! `msg` is flask-jwt-extended's text where it has one, `code` is a stable word for programs.
//! No variant carries anything the caller sent, so nothing can be echoed or logged by accident.
//! The page a browser sees is made elsewhere; it asks [`AuthError::of`] what happened.

use rocket::http::Status;

use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::Absent;
use crate::ground::random::RandomError;

/// Why a request was not let through.
///
/// ```
/// use portcullis::testing::{Kit, Sample};
/// use portcullis::{AccessToken, AuthError};
/// use rocket::{Request, catch, catchers, get, routes};
///
/// #[get("/hello")]
/// fn hello(_token: AccessToken<'_>) {}
///
/// // Rocket does not hand a guard's error to a catcher; this does.
/// #[catch(401)]
/// fn refused(request: &Request<'_>) -> &'static str {
///     match AuthError::of(request) {
///         Some(AuthError::Expired) => "please refresh",
///         Some(error) => error.code(),
///         None => "unauthorized",
///     }
/// }
///
/// let kit = Kit::new();
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
/// let site = kit.launch(rocket.mount("/", routes![hello]).register("/", catchers![refused]));
/// assert_eq!(site.anonymous().get("/hello").body, "missing_token");
/// let expired = site.token(Sample::Expired, "ada", &[]);
/// assert_eq!(site.anonymous().carrying(&expired).get("/hello").body, "please refresh");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No credential where one is looked for; the field names the places.
    #[error("{0}")]
    Missing(Absent),
    /// The same credential twice, or two different ones: guessing which one counts is how sessions get mixed up.
    #[error("Invalid token")]
    Ambiguous,
    /// Malformed, forged, of another algorithm, or without a claim that is required.
    #[error("{}", .0.message())]
    Invalid(Invalid),
    /// The token has expired (RFC 7519 §4.1.4: `exp` equal to now is expired).
    #[error("Token has expired")]
    Expired,
    /// A refresh token where an access token belongs, or the other way round; the field names what was expected.
    #[error("{}", wrong_type(*.0))]
    WrongType(Kind),
    /// A sibling's token, which belongs to no session, where a session is needed.
    #[error("Only tokens of a session are allowed")]
    SessionRequired,
    /// The token was revoked or its session has ended.
    #[error("Token has been revoked")]
    Revoked,
    /// The refresh token had long been replaced; its session was ended because somebody holds a copy.
    #[error("Token has been revoked")]
    Reused,
    /// The password was entered too long ago for this action.
    #[error("Fresh token required")]
    NotFresh,
    /// A password alone opens the session, and this asks for a second factor besides.
    #[error("Second factor required")]
    SecondFactorRequired,
    /// The person has no second factor yet, and their role needs one.
    #[error("Second factor must be set up first")]
    FactorEnrolmentRequired,
    /// An unsafe request by cookie without a CSRF proof.
    #[error("Missing CSRF token")]
    CsrfMissing,
    /// A CSRF proof that is not the session's.
    #[error("CSRF double submit tokens do not match")]
    CsrfMismatch,
    /// The browser says that another site sent this request.
    #[error("Cross-site request refused")]
    CrossSite,
    /// The application's own last question about the token was answered with no.
    #[error("User claims verification failed")]
    ClaimsRefused,
    /// The application does not know the person (any more).
    #[error("Error loading the user")]
    UnknownUser,
    /// The person is known but lacks a role.
    #[error("You may not do this")]
    Forbidden,
    /// The store or the source of randomness is out of reach; refused rather than guessed.
    #[error("Service temporarily unavailable")]
    Unavailable,
    /// The person is signed out on this node and the cookies are gone, but the store cannot keep it yet.
    #[error("Signed out here, but that could not be written down yet")]
    NotKept,
    /// The fairing is not attached; a sentinel stops the launch before a request can see this.
    #[error("Internal error")]
    NotAttached,
}

impl AuthError {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::FactorEnrolmentRequired
            | Self::CsrfMissing
            | Self::CsrfMismatch
            | Self::CrossSite
            | Self::Forbidden
            | Self::ClaimsRefused => Status::Forbidden,
            Self::Unavailable | Self::NotKept => Status::ServiceUnavailable,
            Self::NotAttached => Status::InternalServerError,
            _ => Status::Unauthorized,
        }
    }

    /// The stable word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_token",
            Self::Ambiguous | Self::Invalid(_) => "invalid_token",
            Self::Expired => "token_expired",
            Self::WrongType(_) => "wrong_type",
            Self::SessionRequired => "session_required",
            Self::Revoked => "token_revoked",
            Self::Reused => "token_reused",
            Self::NotFresh => "fresh_required",
            Self::SecondFactorRequired => "second_factor_required",
            Self::FactorEnrolmentRequired => "factor_enrolment_required",
            Self::CsrfMissing => "csrf_missing",
            Self::CsrfMismatch => "csrf_mismatch",
            Self::CrossSite => "cross_site",
            Self::ClaimsRefused => "claims_refused",
            Self::UnknownUser => "user_not_found",
            Self::Forbidden => "forbidden",
            Self::Unavailable | Self::NotKept => "unavailable",
            Self::NotAttached => "internal",
        }
    }

    /// Whether the session may still be good although this access token is not:
    /// an expired access cookie is a cache miss, not a dead session.
    pub(crate) const fn leaves_hope(self) -> bool {
        matches!(
            self,
            Self::Missing(_) | Self::Invalid(_) | Self::Expired | Self::WrongType(_) | Self::Revoked
        )
    }
}

impl From<RandomError> for AuthError {
    fn from(error: RandomError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "nothing can be minted");
        Self::Unavailable
    }
}

impl From<Invalid> for AuthError {
    fn from(reason: Invalid) -> Self {
        Self::Invalid(reason)
    }
}

const fn wrong_type(expected: Kind) -> &'static str {
    match expected {
        Kind::Access => "Only non-refresh tokens are allowed",
        Kind::Refresh => "Only refresh tokens are allowed",
    }
}
