//! The crate as its users see it: one test binary, one file per subject.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that is surprised should fail loudly"
)]

mod architecture;
mod attacks;
mod bad_input;
mod binary;
mod browser;
mod clock_steps;
mod code;
mod command_line;
mod contract;
mod csrf;
mod dashboard;
mod docs;
mod enumeration;
mod examples;
mod fence;
mod flask_cases;
mod foreign;
mod guards;
mod guide;
mod headers;
mod home;
mod hooks;
mod interface;
mod interop;
mod keys;
mod kit;
mod locations;
mod login;
mod logout;
mod names;
mod old_forms;
mod password;
mod people;
mod programs;
mod protected;
mod races;
mod refresh;
mod regressions;
mod rotation;
mod sessions;
mod settings;
mod sign_in;
mod small_mercies;
mod spellings;
mod sqlite_file;
mod support;
mod templates;
mod theme;
mod throttle;
mod toolchain;
mod trusted_origins;
mod trusted_proxies;
