//! What is settled before any route is asked? One spelling of a path, one host, one patience; and the
//! name under which it is answered, and the span.

pub(crate) mod host;
pub(crate) mod observed;
pub(crate) mod patient;
pub(crate) mod spelling;
#[cfg(feature = "otel")]
mod traced;
pub(crate) mod under;
