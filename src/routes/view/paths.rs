//! The addresses that pages, redirects and refusals name; a handler spells its own once more, in its attribute.
//!
//! A test holds both to each other, and nobody else spells one.

use rocket::http::RawStr;

/// Nothing but the way in.
pub(crate) const HOME: &str = "/";
/// Where somebody goes who is not signed in.
pub(crate) const LOGIN: &str = "/login";
/// The second step of signing in.
pub(crate) const FACTOR: &str = "/login/factor";
/// The same for somebody whose role needs a factor, and who has none yet.
pub(crate) const ENROL: &str = "/login/enrol";
/// What somebody has besides a password.
pub(crate) const FACTORS: &str = "/account/factors";
/// Another password.
pub(crate) const PASSWORD: &str = "/account/password";
/// Everything that somebody's account is.
pub(crate) const ACCOUNT: &str = "/account";
/// Everything that happened to it.
pub(crate) const ACTIVITY: &str = "/account/activity";
/// The address for messages.
pub(crate) const EMAIL: &str = "/account/email";
/// Where somebody goes who is.
pub(crate) const DASHBOARD: &str = "/dashboard";
/// Everywhere the person is signed in.
pub(crate) const SESSIONS: &str = "/sessions";
/// The password again.
pub(crate) const REAUTHENTICATE: &str = "/reauthenticate";
/// Messages that are waiting to be sent.
pub(crate) const MAIL: &str = "/mail";
/// Everybody who may sign in.
pub(crate) const PEOPLE: &str = "/people";

/// The address of a person's page.
pub(crate) fn person(name: &str) -> String {
    format!("{PEOPLE}/{}", RawStr::new(name).percent_encode())
}

/// A page that says what was done.
pub(crate) fn saying(path: &str, notice: &str) -> String {
    format!("{path}?notice={notice}")
}
