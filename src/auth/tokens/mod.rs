//! What was signed, and by whom?
//!
//! - `codec`: one strict pass over a text; `token`: one that was found good; `claims`: what it says; `invalid`: why it is none of ours.
//! - `known`: which texts were read before; `ring`, `keys`, `secret`: who signs; `key_file`: where keys are kept; `guarded`: who else may touch such a file.

pub(in crate::auth) mod algorithm;
pub(in crate::auth) mod claims;
pub(in crate::auth) mod codec;
pub(in crate::auth) mod csrf_value;
pub(in crate::auth) mod guarded;
pub(in crate::auth) mod key_file;
pub(in crate::auth) mod keys;
pub(in crate::auth) mod known;
pub(in crate::auth) mod ring;
pub(in crate::auth) mod secret;
pub(in crate::auth) mod token;
