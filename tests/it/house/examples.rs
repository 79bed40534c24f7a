//! The examples' own tests: each example is compiled in as a module, so that one binary runs them all.

#![expect(dead_code, reason = "here the examples' own `main` is called by nobody")]

#[path = "../../../examples/bearer_api.rs"]
mod bearer_api;
#[path = "../../../examples/existing_app.rs"]
mod existing_app;
#[path = "../../../examples/flask_sibling.rs"]
mod flask_sibling;
#[path = "../../../examples/own_users.rs"]
mod own_users;
#[path = "../../../examples/passkey_login.rs"]
pub(crate) mod passkey_login;
#[path = "../../../examples/roles_pages.rs"]
mod roles_pages;
#[path = "../../../examples/smallest.rs"]
mod smallest;
