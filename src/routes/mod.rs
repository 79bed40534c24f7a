//! What does a caller see?
//!
//! One file per URL, with its form, its JSON and its page together.
//! A route decides nothing about who somebody is: guards have judged before it runs.

pub(crate) mod admin;
pub(crate) mod administrator;
pub(crate) mod assets;
mod body;
mod code;
pub(crate) mod dashboard;
mod device;
pub mod errors;
pub(crate) mod headers;
pub(crate) mod home;
pub(crate) mod host;
mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod negotiate;
mod next;
pub(crate) mod page;
mod password;
mod people;
mod person;
pub(crate) mod protected;
mod reauthenticate;
pub(crate) mod refresh;
mod rejection;
pub mod reply;
pub mod samples;
mod sessions;
pub(crate) mod spelling;
mod states;
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
        code::form,
        code::submit,
        people::list,
        people::add,
        person::person,
        person::code,
        person::withdraw,
        person::forget_failures,
        person::disable,
        person::enable,
        person::roles,
        person::end,
        person::end_all,
        reauthenticate::form,
        reauthenticate::submit,
        refresh::refresh,
        logout::logout,
        logout::clear_cookies,
        jwks::jwks,
        assets::asset,
        assets::favicon,
    ]
}
