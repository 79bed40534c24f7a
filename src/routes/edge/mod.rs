//! What is settled before any route is asked? One spelling of a path, one host, one patience.

pub(crate) mod host;
pub(crate) mod patient;
pub(crate) mod spelling;
