//! What is settled before any route is asked? One spelling of a path, one host, one patience; and the
//! name under which it is answered.

pub(crate) mod host;
pub(crate) mod observed;
pub(crate) mod patient;
pub(crate) mod spelling;
pub(crate) mod under;
