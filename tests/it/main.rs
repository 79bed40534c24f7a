//! The crate as its users see it: one test binary, one room per question, one file per subject.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that is surprised should fail loudly"
)]

mod authenticator;
mod binary;
mod browser;
mod contract;
mod edge;
mod factors;
mod house;
mod interop;
mod mail;
mod operation;
mod pages;
mod postgres;
mod races;
mod redis;
mod requests;
mod rotation;
mod sessions;
mod signing;
mod support;
mod tokens;
