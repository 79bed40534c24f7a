//! What is settled before any route is asked? One spelling of a path, one host.

pub(crate) mod host;
pub(crate) mod spelling;
