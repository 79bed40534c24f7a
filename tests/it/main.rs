//! The crate as its users see it: one test binary, one file per subject.

mod contract;
mod sign_in;
mod sqlite_file;
