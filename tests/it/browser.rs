//! A real browser against the real program, as a person uses it: with scripts, and without.
//!
//! These tests need chromium and chromedriver, so they are ignored unless asked for;
//! `scripts/test` asks for them and installs what is absent.
//! With `PORTCULLIS_SCREENSHOTS=folder` the pages that they see are kept there.

mod axe;
mod chromium;
mod fonts;
mod journeys;
mod layout;
mod lighthouse;
mod media;
mod page;
mod pictures;
mod stage;
mod states;
mod under_a_path;
