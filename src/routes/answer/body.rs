//! Reading what a caller sent, strictly.
//!
//! Rocket's own JSON guard writes the body of a failed request to the log, password included, and its forms accept a field
//! twice; so bodies that hold credentials are read here, and nothing of them is ever printed.
//! A type says what it wants of a body by implementing [`FromFields`].

use rocket::data::{Data, FromData, Outcome, ToByteUnit};
use rocket::http::{RawStr, Status};
use rocket::request::Request;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::auth::{self, AuthError};

/// A body that was read as `T`, from JSON or from a form.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// What can be read from a body: from JSON by its `Deserialize` (which refuses unknown members), from a form by its fields.
pub(crate) trait FromFields: DeserializeOwned + Send {
    /// Takes the fields it knows; [`Fields::finish`] refuses the rest.
    fn from_fields(fields: &mut Fields) -> Result<Self, Unreadable>;
}

/// Why a body was not read; the status is all that a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// 400: not UTF-8, not JSON, not a form, or the connection broke.
    Malformed,
    /// 413.
    TooLarge,
    /// 415.
    UnknownType,
    /// 422: a field is missing, unknown, given twice or of the wrong type.
    Unfitting,
    /// The session ended while the body was on its way.
    NoLonger(AuthError),
}

/// The fields of a form, each at most once.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| RawStr::new(text).url_decode().map(std::borrow::Cow::into_owned);
            let (Ok(name), Ok(value)) = (decode(name), decode(value)) else {
                return Err(Unreadable::Malformed);
            };
            if fields.iter().any(|(known, _)| *known == name) || fields.len() >= MAX_FIELDS {
                return Err(Unreadable::Unfitting);
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    pub(crate) fn optional(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(index).1)
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, Unreadable> {
        self.optional(name).ok_or(Unreadable::Unfitting)
    }

    fn finish(&mut self, proof: &str) -> Result<(), Unreadable> {
        // The guards have read the proof before the form is.
        self.optional(proof);
        if self.0.is_empty() { Ok(()) } else { Err(Unreadable::Unfitting) }
    }
}

impl Unreadable {
    const fn status(self) -> Status {
        match self {
            Self::Malformed => Status::BadRequest,
            Self::TooLarge => Status::PayloadTooLarge,
            Self::UnknownType => Status::UnsupportedMediaType,
            Self::Unfitting => Status::UnprocessableEntity,
            Self::NoLonger(error) => error.status(),
        }
    }
}

#[rocket::async_trait]
impl<'r, T: FromFields> FromData<'r> for Body<T> {
    type Error = Unreadable;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self, Unreadable> {
        let body = match read(request, data).await {
            Ok(body) => body,
            Err(refused) => return Outcome::Error((refused.status(), refused)),
        };
        // The guards have judged before the body came, and it may have taken its time on purpose.
        match auth::still_counts(request).await {
            Ok(()) => Outcome::Success(Self(body)),
            Err(error) => {
                let refused = Unreadable::NoLonger(error);
                error.keep(request);
                Outcome::Error((refused.status(), refused))
            }
        }
    }
}

async fn read<T: FromFields>(request: &Request<'_>, data: Data<'_>) -> Result<T, Unreadable> {
    let kind = request.content_type().ok_or(Unreadable::UnknownType)?;
    let (is_json, is_form) = (kind.is_json(), kind.is_form());
    // JSON and our forms are UTF-8; another reading of the same bytes is somebody else's.
    let is_utf8 = kind.param("charset").is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"));
    if !is_utf8 || !is_json && !is_form {
        return Err(Unreadable::UnknownType);
    }
    // A body that trickles in would otherwise hold its connection for ever; Rocket sets no time-out.
    let stream = data.open(MAX_BODY_BYTES.bytes()).into_bytes();
    let bytes = tokio::time::timeout(PATIENCE, stream).await;
    let bytes = bytes.map_err(|_| Unreadable::Malformed)?.map_err(|_| Unreadable::Malformed)?;
    if !bytes.is_complete() {
        return Err(Unreadable::TooLarge);
    }
    let bytes = zeroize::Zeroizing::new(bytes.into_inner());
    let text = std::str::from_utf8(&bytes).map_err(|_| Unreadable::Malformed)?;
    if is_json {
        // Some editors and Windows programs write a byte order mark; RFC 8259 §8.1 lets a reader pass over it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // A derived reader would also take an array, member by member.
        if text.trim_start().starts_with('[') {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            return Err(if is_json { Unreadable::Unfitting } else { Unreadable::Malformed });
        }
        return serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => Unreadable::Unfitting,
            _ => Unreadable::Malformed,
        });
    }
    let mut fields = Fields::parse(text)?;
    let body = T::from_fields(&mut fields)?;
    fields.finish(auth::csrf_names(request).csrf_field)?;
    Ok(body)
}

const MAX_BODY_BYTES: u64 = 8 * 1024;
const MAX_FIELDS: usize = 32;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
