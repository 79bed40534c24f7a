//! Other libraries, really run: flask-jwt-extended, PyJWT, joserfc and jose; and tools that read `/openapi.json`.
//!
//! `scripts/test` installs them and says where, in `INTEROP_PYTHON` and `INTEROP_NODE`.

mod client;
mod flask;
mod libraries;
mod openapi;
pub(crate) mod peer;
