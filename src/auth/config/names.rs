//! The names on the wire that the settings ask for.

use rocket::http::SameSite;
use serde::Deserialize;

use crate::auth::wire::cookies::{default_name, full_name};
use crate::auth::wire::names::{CookieSameSite, Wire};

/// The table `[default.auth.names]`: flask-jwt-extended's names, unless a front end has others.
///
/// ```
/// use portcullis::testing::Kit;
///
/// let kit = Kit::new().set("auth.names.error_message_key", "message");
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).register("/", portcullis::catchers()));
/// assert!(site.anonymous().get("/nowhere").body.contains("\"message\""));
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamesConfig {
    /// The cookie that holds the access token; default `access_token_cookie`. Over HTTPS the host prefix is put before it.
    pub access_cookie_name: String,
    /// The cookie that holds the refresh token; default `refresh_token_cookie`.
    pub refresh_cookie_name: String,
    /// The readable cookie with the access token's CSRF value; default `csrf_access_token`.
    pub access_csrf_cookie_name: String,
    /// The readable cookie with the refresh token's CSRF value; default `csrf_refresh_token`.
    pub refresh_csrf_cookie_name: String,
    /// Whether the two readable cookies are set; default true. Pages do not need them.
    pub csrf_in_cookies: bool,
    /// `SameSite` of all cookies, `lax` (default) or `strict`.
    pub cookie_samesite: CookieSameSite,
    /// The header that carries a CSRF proof; default `X-CSRF-TOKEN`.
    pub csrf_header_name: String,
    /// The form field that carries a CSRF proof; default `csrf_token`.
    pub csrf_field_name: String,
    /// The header that carries a token; default `Authorization`.
    pub header_name: String,
    /// The scheme before the token in that header, compared without case; default `Bearer`, empty for a bare token.
    pub header_type: String,
    /// The parameter that carries a token in a query string; default `jwt`.
    pub query_string_name: String,
    /// What must stand before the token in that parameter; default nothing.
    pub query_string_value_prefix: String,
    /// The member that carries an access token in a JSON body; default `access_token`.
    pub json_key: String,
    /// The member that carries a refresh token in a JSON body; default `refresh_token`.
    pub refresh_json_key: String,
    /// The member that carries the message in a JSON error; default `msg`.
    pub error_message_key: String,
}

impl Default for NamesConfig {
    fn default() -> Self {
        Self {
            access_cookie_name: default_name::ACCESS.into(),
            refresh_cookie_name: default_name::REFRESH.into(),
            access_csrf_cookie_name: default_name::ACCESS_CSRF.into(),
            refresh_csrf_cookie_name: default_name::REFRESH_CSRF.into(),
            csrf_in_cookies: true,
            cookie_samesite: CookieSameSite::Lax,
            csrf_header_name: "X-CSRF-TOKEN".into(),
            csrf_field_name: "csrf_token".into(),
            header_name: "Authorization".into(),
            header_type: "Bearer".into(),
            query_string_name: "jwt".into(),
            query_string_value_prefix: String::new(),
            json_key: "access_token".into(),
            refresh_json_key: "refresh_token".into(),
            error_message_key: "msg".into(),
        }
    }
}

impl Wire {
    /// The names that the settings ask for, or a line for each that cannot be one.
    pub(crate) fn new(config: &NamesConfig, is_https: bool) -> Result<Self, Vec<String>> {
        let cookie = |name: &str| full_name(name, is_https);
        let wire = Self {
            access_cookie: cookie(&config.access_cookie_name),
            refresh_cookie: cookie(&config.refresh_cookie_name),
            access_csrf_cookie: cookie(&config.access_csrf_cookie_name),
            refresh_csrf_cookie: cookie(&config.refresh_csrf_cookie_name),
            pre_session_cookie: cookie(default_name::PRE_SESSION),
            pending_cookie: cookie(default_name::PENDING),
            trusted_cookie: cookie(default_name::TRUSTED),
            device_cookie: cookie(default_name::DEVICE),
            same_site: match config.cookie_samesite {
                CookieSameSite::Lax => SameSite::Lax,
                CookieSameSite::Strict => SameSite::Strict,
            },
            csrf_in_cookies: config.csrf_in_cookies,
            csrf_header: config.csrf_header_name.clone(),
            csrf_field: config.csrf_field_name.clone(),
            header: config.header_name.clone(),
            scheme: config.header_type.clone(),
            query: config.query_string_name.clone(),
            query_prefix: config.query_string_value_prefix.clone(),
            json_key: config.json_key.clone(),
            refresh_json_key: config.refresh_json_key.clone(),
            message_key: config.error_message_key.clone(),
        };
        let problems = wire.problems();
        if problems.is_empty() { Ok(wire) } else { Err(problems) }
    }
}
