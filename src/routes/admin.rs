//! The one role that the application itself knows.

use crate::auth::Role;

/// The role of those who look after other people's accounts.
pub(crate) struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}
