//! What tokens must say, and whose are taken.

use serde::Deserialize;

/// The table `[default.auth.claims]`.
///
/// ```
/// let kit = portcullis::testing::Kit::new().set("auth.claims.issuer", "");
/// let problems = portcullis::auth::AuthConfig::load(&kit.figment()).unwrap_err();
/// assert_eq!(problems, ["auth.claims.issuer: must be 1 to 255 bytes when set"]);
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimsConfig {
    /// Claim `iss`, written and required when set. Unset by default.
    pub issuer: Option<String>,
    /// Claim `aud`, written and required when set. Unset by default.
    pub audience: Option<String>,
    /// How far the clocks of the issuing and the checking machine may differ; default 0, at most 60.
    pub leeway: i64,
    /// How long an access token may live that a sibling signed with our key (flask-jwt-extended, PyJWT) and that names no
    /// session; default 0: none is accepted. 900 is what flask-jwt-extended gives them.
    ///
    /// Such a token opens [`AccessToken`](crate::auth::AccessToken) and its like for its subject, without any role.
    /// It is never fresh and cannot be refreshed, and no list of sessions shows it.
    /// Until it expires, only signing out with it and ending everybody's sessions reach it: not a new password, not a
    /// disabled account, not the end of another session.
    pub foreign_ttl: i64,
}

impl ClaimsConfig {
    /// A line for each name that cannot be one.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_unfit =
            |text: &&Option<String>| text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 255);
        let names = [("issuer", &self.issuer), ("audience", &self.audience)];
        let unfit = names.into_iter().filter(|(_, text)| is_unfit(text));
        unfit.map(|(key, _)| format!("auth.claims.{key}: must be 1 to 255 bytes when set")).collect()
    }
}
