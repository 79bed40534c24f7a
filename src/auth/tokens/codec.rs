//! Tokens: what they say, how they are minted, and the one strict pass that reads them.
//!
//! The claims are flask-jwt-extended's (`fresh, iat, jti, type, sub, nbf, csrf, aud, iss, exp`, in its order) plus ours
//! (`sid, gen, auth_time, roles`, and `acr, amr` where more than a password was proved).
//! Reading costs one signature check, one base64 pass and one JSON pass; texts stay where they are in the payload.
//! A sibling that shares the key (flask-jwt-extended) mints tokens without ours; where the settings accept them, they
//! belong to no session, and the type says so.
//! Whether a session still lives is not asked here: a token only says what was true when it was minted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::auth::id::{SessionId, TokenId};
use crate::auth::tokens::keys::SigningFailed;
use crate::auth::tokens::ring::Ring;
use crate::auth::tokens::token::{Membership, Said, Token};
use crate::auth::wire::invalid::{Claim, Invalid};
use crate::auth::wire::kind::Kind;
use crate::auth::wire::proved::{AuthLevel, Proved};
use crate::ground::clock::{CLOCKS_APART, UnixTime};

/// What is written into a new token.
pub(crate) struct Mint<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: TokenId,
    pub(crate) subject: &'a str,
    pub(crate) roles: &'a [String],
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
    pub(crate) fresh: bool,
    pub(crate) auth_time: UnixTime,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) csrf: &'a str,
    pub(crate) proved: Proved,
    /// The application's own claims; none of them may have the name of one of ours.
    pub(crate) extra: &'a Map<String, Value>,
}

/// Mints and reads tokens by the application's settings.
pub(crate) struct Codec {
    pub(crate) ring: RwLock<Arc<Ring>>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) leeway: Duration,
    pub(crate) longest_access: Duration,
    pub(crate) longest_refresh: Duration,
    /// How long a sibling's access token may live; zero accepts none.
    pub(crate) longest_foreign: Duration,
}

impl Codec {
    pub(crate) fn mint(&self, mint: &Mint<'_>) -> Result<String, SigningFailed> {
        // What a session of the first level proved goes without saying, and every request would carry it.
        let is_strong = mint.proved.level() == AuthLevel::Two && mint.kind == Kind::Access;
        let claims = Written {
            fresh: mint.fresh,
            iat: mint.issued_at.as_secs(),
            jti: mint.id.to_string(),
            kind: mint.kind,
            sub: mint.subject,
            nbf: mint.issued_at.as_secs(),
            csrf: mint.csrf,
            aud: self.audience.as_deref(),
            iss: self.issuer.as_deref(),
            exp: mint.expires_at.as_secs(),
            sid: mint.session.to_string(),
            generation: mint.generation,
            auth_time: mint.auth_time.as_secs(),
            roles: mint.roles,
            acr: is_strong.then_some(AuthLevel::ACR),
            amr: is_strong.then(|| mint.proved.methods()),
            extra: mint.extra,
        };
        if let Some(name) = RESERVED.iter().find(|name| mint.extra.contains_key(**name)) {
            tracing::error!(claim = name, "the hook for claims names one of ours; nothing is signed");
            return Err(SigningFailed);
        }
        let json = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
        let token = self.ring().sign(&json)?;
        if token.len() > MAX_MINTED_BYTES {
            tracing::error!("a token would be too long for a cookie: too many roles or claims");
            return Err(SigningFailed);
        }
        Ok(token)
    }

    /// Reads a token. Everything but expiry is judged: an expired one still says whose it was, as in flask-jwt-extended.
    pub(crate) fn read(&self, token: &str, now: UnixTime) -> Result<Token, Invalid> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Invalid::TooLong);
        }
        let ring = self.ring();
        if let Some(said) = ring.known().find(token, now) {
            self.expect_in_time(said.issued_at, said.not_before, said.session.is_none(), now)?;
            return Ok(Token::of(said));
        }
        let (payload, until) = ring.open(token, now)?;
        let said = Arc::new(self.judge(payload, now)?);
        // A refresh token is presented once.
        if said.kind == Kind::Access {
            ring.known().remember(token, &said, until);
        }
        Ok(Token::of(said))
    }

    /// Judges what a token says, whose signature was found good.
    fn judge(&self, payload: String, now: UnixTime) -> Result<Said, Invalid> {
        let claims: Payload<'_> = serde_json::from_str(&payload).map_err(|_| Invalid::Payload)?;

        // Only a token that claims no part of a session is a sibling's; half a membership is a fault.
        let is_foreign =
            self.longest_foreign > Duration::ZERO && claims.sid.is_none() && claims.generation.is_none();
        let issued_at = required(claims.iat, Claim::Iat)?;
        let not_before = match claims.nbf {
            None if is_foreign => issued_at,
            claimed => required(claimed, Claim::Nbf)?,
        };
        let expires_at = required(claims.exp, Claim::Exp)?;
        self.expect_in_time(issued_at, not_before, is_foreign, now)?;
        expect(self.issuer.as_deref(), claims.iss.as_ref(), Claim::Iss, Invalid::Issuer)?;
        expect(self.audience.as_deref(), claims.aud.as_ref(), Claim::Aud, Invalid::Audience)?;
        let subject = claims.sub.ok_or(Invalid::MissingClaim(Claim::Sub))?;
        let id = claims.jti.ok_or(Invalid::MissingClaim(Claim::Jti))?;
        let session = if is_foreign {
            None
        } else {
            let sid = claims.sid.as_ref().ok_or(Invalid::MissingClaim(Claim::Sid))?;
            let generation = claims.generation.ok_or(Invalid::MissingClaim(Claim::Gen))?;
            let id = sid.0.parse().map_err(|_| Invalid::Payload)?;
            let is_strong = claims.acr.as_ref().is_some_and(|acr| acr.0 == AuthLevel::ACR);
            let level = if is_strong { AuthLevel::Two } else { AuthLevel::One };
            Some(Membership { id, generation, auth_time: claims.auth_time.unwrap_or_default(), level })
        };
        let kind = match claims.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("access") => Kind::Access,
            Some("refresh") => Kind::Refresh,
            Some(_) => return Err(Invalid::Payload),
            None => return Err(Invalid::MissingClaim(Claim::Type)),
        };
        let longest = match kind {
            Kind::Access if is_foreign => self.longest_foreign,
            Kind::Access => self.longest_access,
            Kind::Refresh => self.longest_refresh,
        };
        if expires_at > issued_at + longest {
            return Err(Invalid::LivesTooLong);
        }
        if subject.0.is_empty() {
            return Err(Invalid::Payload);
        }
        let mut tail = String::new();
        let mut place = |text: &Text<'_>| locate(&payload, text, &mut tail);
        let subject = place(&subject);
        let csrf = claims.csrf.as_ref().map(&mut place);
        // What a sibling calls a role need not mean ours.
        let roles = claims.roles.iter().filter(|_| !is_foreign).flatten().map(&mut place).collect();
        let said = Said {
            subject,
            csrf,
            roles,
            kind,
            id: id.0.parse().map_err(|_| Invalid::Payload)?,
            session,
            issued_at,
            not_before,
            expires_at,
            payload_bytes: payload.len(),
            text: String::new(),
        };
        let mut text = payload;
        text.push_str(&tail);
        Ok(Said { text, ..said })
    }

    /// Whether a token's time has come.
    fn expect_in_time(
        &self,
        issued_at: UnixTime,
        not_before: UnixTime,
        is_foreign: bool,
        now: UnixTime,
    ) -> Result<(), Invalid> {
        // Ours may come from a node whose clock is ahead, or from before this clock was set back.
        let is_own = !is_foreign && not_before == issued_at;
        let latest = now + if is_own { self.leeway.max(CLOCKS_APART) } else { self.leeway };
        if issued_at > latest {
            return Err(Invalid::IssuedInFuture);
        }
        if not_before > latest {
            return Err(Invalid::NotYetValid);
        }
        Ok(())
    }

    /// The keys of this moment.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on with other keys.
    pub(crate) fn take_ring(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Whether this token is expired at `now`; `exp` equal to now is expired (RFC 7519 §4.1.4).
    pub(crate) fn is_expired(&self, token: &Token, now: UnixTime) -> bool {
        token.expires_at + self.leeway <= now
    }
}

/// Where `text` stands: inside the payload when it was borrowed from there, else at the end of `tail`,
/// which will be appended to the payload (only texts with escapes need that, and we never write any).
fn locate(payload: &str, text: &Text<'_>, tail: &mut String) -> Range<usize> {
    let start = match &text.0 {
        Cow::Borrowed(slice) => slice.as_ptr().addr() - payload.as_ptr().addr(),
        Cow::Owned(unescaped) => {
            let start = payload.len() + tail.len();
            tail.push_str(unescaped);
            start
        }
    };
    start..start + text.0.len()
}

fn required(claim: Option<UnixTime>, name: Claim) -> Result<UnixTime, Invalid> {
    claim.ok_or(Invalid::MissingClaim(name))
}

fn expect(
    configured: Option<&str>,
    claimed: Option<&Text<'_>>,
    name: Claim,
    wrong: Invalid,
) -> Result<(), Invalid> {
    match (configured, claimed) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Invalid::MissingClaim(name)),
        (Some(ours), Some(theirs)) => {
            if ours == theirs.0 {
                Ok(())
            } else {
                Err(wrong)
            }
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    fresh: bool,
    iat: i64,
    jti: String,
    #[serde(rename = "type")]
    kind: Kind,
    sub: &'a str,
    nbf: i64,
    csrf: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    exp: i64,
    sid: String,
    #[serde(rename = "gen")]
    generation: u64,
    auth_time: i64,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<&'static [&'static str]>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

/// The claims that no hook may write.
const RESERVED: [&str; 16] = [
    "fresh",
    "iat",
    "jti",
    "type",
    "sub",
    "nbf",
    "csrf",
    "aud",
    "iss",
    "exp",
    "sid",
    "gen",
    "auth_time",
    "roles",
    "acr",
    "amr",
];

/// The claims as they are read. A claim given twice is an error (derived), one of the wrong type too;
/// claims that are not ours are skipped.
#[derive(Deserialize)]
struct Payload<'a> {
    iat: Option<UnixTime>,
    nbf: Option<UnixTime>,
    exp: Option<UnixTime>,
    auth_time: Option<UnixTime>,
    #[serde(rename = "gen")]
    generation: Option<u64>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    sub: Option<Text<'a>>,
    #[serde(borrow)]
    jti: Option<Text<'a>>,
    #[serde(borrow)]
    sid: Option<Text<'a>>,
    #[serde(borrow)]
    csrf: Option<Text<'a>>,
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    #[serde(borrow)]
    aud: Option<Text<'a>>,
    #[serde(borrow)]
    roles: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    acr: Option<Text<'a>>,
}

/// A JSON string, borrowed from the payload unless it has escapes; serde's own `Cow` would always copy inside `Option`.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;

        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowing)
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    /// A `NumericDate`: a whole, non-negative number of seconds, and one that adding a lifetime cannot overflow.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        match i64::try_from(seconds) {
            Ok(seconds) if seconds <= MAX_NUMERIC_DATE => Ok(Self::from_secs(seconds)),
            _ => Err(D::Error::custom("not a moment")),
        }
    }
}

/// A cookie's name and value must stay below 4096 bytes together (RFC 6265bis §5.6), so no token of ours is longer.
const MAX_TOKEN_BYTES: usize = 4096;

/// What a cookie holds, less its name and attributes.
const MAX_MINTED_BYTES: usize = 3900;

/// The end of the year 9999.
const MAX_NUMERIC_DATE: i64 = 253_402_300_799;
