//! The names on the wire that the settings ask for.

use rocket::http::SameSite;

use crate::auth::config::AuthConfig;
use crate::auth::wire::cookies::{default_name, full_name};
use crate::auth::wire::names::{CookieSameSite, Wire};

impl Wire {
    /// The names that the settings ask for, or a line for each that cannot be one.
    pub(crate) fn new(config: &AuthConfig, is_https: bool) -> Result<Self, Vec<String>> {
        let cookie = |name: &str| full_name(name, is_https);
        let wire = Self {
            access_cookie: cookie(&config.access_cookie_name),
            refresh_cookie: cookie(&config.refresh_cookie_name),
            access_csrf_cookie: cookie(&config.access_csrf_cookie_name),
            refresh_csrf_cookie: cookie(&config.refresh_csrf_cookie_name),
            pre_session_cookie: cookie(default_name::PRE_SESSION),
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
