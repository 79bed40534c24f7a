//! What does a caller see?
//!
//! One file per URL, with its form, its JSON and its page together.
//! A route decides nothing about who somebody is: guards have judged before it runs.

pub(crate) mod account;
pub mod answer;
pub(crate) mod edge;
pub(crate) mod home;
mod jwks;
pub(crate) mod people;
pub(crate) mod protected;
pub(crate) mod signing;
pub mod view;

use rocket::{Route, routes};

/// Every route of the application.
#[must_use]
pub fn routes() -> Vec<Route> {
    routes![
        home::home,
        signing::login::form,
        signing::login::submit,
        protected::protected,
        account::dashboard::dashboard,
        account::sessions::list,
        account::sessions::end,
        account::sessions::end_others,
        account::password::form,
        account::password::submit,
        signing::code::form,
        signing::code::submit,
        people::list::list,
        people::list::add,
        people::person::person,
        people::person::code,
        people::person::withdraw,
        people::person::forget_failures,
        people::person::disable,
        people::person::enable,
        people::person::roles,
        people::person::end,
        people::person::end_all,
        signing::reauthenticate::form,
        signing::reauthenticate::submit,
        signing::refresh::refresh,
        signing::logout::logout,
        signing::logout::clear_cookies,
        jwks::jwks,
        view::assets::asset,
        view::assets::favicon,
    ]
}
