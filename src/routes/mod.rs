//! What does a caller see?
//!
//! One file per URL, with its form, its JSON and its page together.
//! A route decides nothing about who somebody is: guards have judged before it runs.

pub mod assets;
mod body;
pub mod dashboard;
mod device;
pub mod errors;
pub mod headers;
pub mod home;
mod jwks;
pub mod login;
pub mod logout;
pub mod negotiate;
mod next;
pub mod page;
mod password;
pub mod protected;
mod reauthenticate;
pub mod refresh;
pub mod reply;
mod sessions;
mod user_agent;
pub mod words;

use rocket::{Route, routes};

/// Every route of the application.
#[must_use]
pub fn routes() -> Vec<Route> {
    routes![
        home::home,
        login::form,
        login::submit,
        protected::protected,
        dashboard::dashboard,
        sessions::list,
        sessions::end,
        sessions::end_others,
        password::form,
        password::submit,
        reauthenticate::form,
        reauthenticate::submit,
        refresh::refresh,
        logout::logout,
        jwks::jwks,
        assets::asset,
        assets::favicon,
    ]
}
