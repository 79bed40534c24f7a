//! The names on the wire: cookies, headers, fields and keys, as flask-jwt-extended spells them unless the settings say
//! otherwise.

use rocket::http::SameSite;
use serde::Deserialize;

use crate::auth::wire::kind::Kind;

/// `SameSite` of the auth cookies (RFC 6265bis §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CookieSameSite {
    /// Sent when the person follows a link from elsewhere; the default.
    #[default]
    Lax,
    /// Not sent then: who arrives by a link looks signed out until the next click.
    Strict,
}

/// What things are called in requests and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) access_cookie: String,
    pub(crate) refresh_cookie: String,
    pub(crate) access_csrf_cookie: String,
    pub(crate) refresh_csrf_cookie: String,
    /// Binds the login form to the browser that asked for it, before there is a session.
    pub(crate) pre_session_cookie: String,
    /// Tells that this browser signed in before; it opens nothing and outlives signing out.
    pub(crate) device_cookie: String,
    /// Belongs to a sign-in that lacks its second step.
    pub(crate) pending_cookie: String,
    /// Tells that a person trusts this browser.
    pub(crate) trusted_cookie: String,
    pub(crate) same_site: SameSite,
    pub(crate) csrf_in_cookies: bool,
    pub(crate) csrf_header: String,
    pub(crate) csrf_field: String,
    pub(crate) header: String,
    /// The scheme before the token; empty for a bare token.
    pub(crate) scheme: String,
    pub(crate) query: String,
    pub(crate) query_prefix: String,
    pub(crate) json_key: String,
    pub(crate) refresh_json_key: String,
    pub(crate) message_key: String,
}

#[cfg(feature = "app")]
/// What a page must know to send a proof back: with a form by itself, and with a script by what it finds in cookies.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct CsrfNames<'r> {
    pub(crate) csrf_field: &'r str,
    pub(crate) csrf_header: &'r str,
    pub(crate) csrf_access_cookie: &'r str,
    pub(crate) csrf_refresh_cookie: &'r str,
}

impl Wire {
    #[cfg(feature = "app")]
    /// The names around the proof, the cookies' in full.
    pub(crate) fn csrf_names(&self) -> CsrfNames<'_> {
        CsrfNames {
            csrf_field: &self.csrf_field,
            csrf_header: &self.csrf_header,
            csrf_access_cookie: &self.access_csrf_cookie,
            csrf_refresh_cookie: &self.refresh_csrf_cookie,
        }
    }

    /// The cookie that holds tokens of this kind.
    pub(crate) fn cookie_of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Access => &self.access_cookie,
            Kind::Refresh => &self.refresh_cookie,
        }
    }

    /// The member of a JSON body that holds tokens of this kind.
    pub(crate) fn json_key_of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Access => &self.json_key,
            Kind::Refresh => &self.refresh_json_key,
        }
    }

    /// The scheme that a 401 asks for; none when tokens travel in a header that knows no schemes.
    pub(crate) fn challenge(&self) -> Option<&str> {
        let has_schemes = self.header.eq_ignore_ascii_case("Authorization") && !self.scheme.is_empty();
        has_schemes.then_some(self.scheme.as_str())
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let tokens = [
            ("access_cookie_name", &self.access_cookie),
            ("refresh_cookie_name", &self.refresh_cookie),
            ("access_csrf_cookie_name", &self.access_csrf_cookie),
            ("refresh_csrf_cookie_name", &self.refresh_csrf_cookie),
            ("csrf_header_name", &self.csrf_header),
            ("csrf_field_name", &self.csrf_field),
            ("header_name", &self.header),
            ("query_string_name", &self.query),
            ("json_key", &self.json_key),
            ("refresh_json_key", &self.refresh_json_key),
            ("error_message_key", &self.message_key),
        ];
        let mut problems: Vec<_> = tokens
            .iter()
            .filter(|(_, name)| !is_token(name))
            .map(|(key, _)| format!("auth.names.{key}: must be 1 to 64 of the characters a-z A-Z 0-9 _ - ."))
            .collect();
        if !self.scheme.is_empty() && !is_token(&self.scheme) {
            problems.push("auth.names.header_type: must be empty or one word".into());
        }
        if self.message_key == "code" {
            problems.push(
                "auth.names.error_message_key: must not be \"code\", which has a member of its own".into(),
            );
        }
        if self.header.eq_ignore_ascii_case(&self.csrf_header) {
            problems.push(
                "auth.names.header_name and auth.names.csrf_header_name: must not name the same header"
                    .into(),
            );
        }
        if self.json_key == self.refresh_json_key {
            problems.push(
                "auth.names.json_key and auth.names.refresh_json_key: must not name the same member".into(),
            );
        }
        let mut cookies =
            [&self.access_cookie, &self.refresh_cookie, &self.access_csrf_cookie, &self.refresh_csrf_cookie];
        cookies.sort_unstable();
        if cookies.windows(2).any(|pair| pair.first() == pair.last())
            || [&self.pre_session_cookie, &self.device_cookie, &self.pending_cookie, &self.trusted_cookie]
                .iter()
                .any(|own| cookies.contains(own))
        {
            problems.push("auth.names.*_cookie_name: no two cookies may have the same name".into());
        }
        problems
    }
}

/// Names that need no quoting in a cookie, a header, a query string or a form.
fn is_token(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=71).contains(&name.len()) && name.bytes().all(is_plain)
}
