//! Other libraries, really run: flask-jwt-extended, PyJWT, joserfc and jose.
//!
//! `scripts/test` installs them and says where, in `INTEROP_PYTHON` and `INTEROP_NODE`.

mod client;
mod flask;
mod libraries;
pub(crate) mod peer;
