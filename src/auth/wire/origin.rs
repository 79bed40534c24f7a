//! Web origins: a scheme, a host and a port, as browsers write them (RFC 6454 §6.2).

use std::fmt;
use std::str::FromStr;

use rocket::http::uri::Absolute;

/// The origin of a page, such as `https://app.example.org` or `http://localhost:3000`.
///
/// ```
/// use portcullis::auth::Origin;
///
/// let origin: Origin = "HTTPS://App.example.org:443".parse().unwrap();
/// assert_eq!(origin.as_str(), "https://app.example.org");
/// for unfit in ["app.example.org", "https://app.example.org/", "https://*.example.org", "null", "ftp://x"] {
///     assert!(unfit.parse::<Origin>().is_err(), "{unfit}");
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// The text is no origin.
///
/// ```
/// use portcullis::auth::{InvalidOrigin, Origin};
///
/// assert_eq!("*".parse::<Origin>(), Err(InvalidOrigin));
/// assert!(InvalidOrigin.to_string().contains("https://app.example.org"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a scheme, a host and a port if it is not the scheme's own, such as \"https://app.example.org\""
)]
pub struct InvalidOrigin;

impl Origin {
    /// The text as browsers send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether pages of this origin come over HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri = Absolute::parse(text).map_err(|_| InvalidOrigin)?;
        let scheme = uri.scheme().to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        // Rocket reads a path into what has none.
        let is_bare = text.bytes().filter(|byte| *byte == b'/').count() == 2;
        let host = authority.host().to_ascii_lowercase();
        let is_host = |sign: char| sign.is_ascii_alphanumeric() || ".-_[]:".contains(sign);
        if !is_bare || uri.query().is_some() || authority.user_info().is_some() || host.is_empty() {
            return Err(InvalidOrigin);
        }
        if !host.chars().all(is_host) || text.ends_with(':') {
            return Err(InvalidOrigin);
        }
        let port = authority.port().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them_and_nothing_else_is_one() {
        for (text, expected) in [
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://localhost:80", Some("http://localhost")),
            ("https://[::1]:8443", Some("https://[::1]:8443")),
            ("https://EXAMPLE.org", Some("https://example.org")),
            ("http://127.0.0.1", Some("http://127.0.0.1")),
            ("", None),
            ("null", None),
            ("*", None),
            ("https://", None),
            ("https://*", None),
            ("https://*.example.org", None),
            ("//example.org", None),
            ("example.org:443", None),
            ("https://example.org/", None),
            ("https://example.org/x", None),
            ("https://example.org?x", None),
            ("https://ada@example.org", None),
            ("https://example.org:", None),
            ("https://example.org:99999", None),
            ("https://exämple.org", None),
            ("https://example.org https://example.com", None),
            ("file://x", None),
        ] {
            let read = text.parse::<Origin>().ok();
            assert_eq!(read.as_ref().map(Origin::as_str), expected, "{text}");
        }
    }
}
