//! More than a password: codes, passkeys, roles that need one of them, and browsers that need none.

mod machine;
mod own_table;
mod passkeys;
pub(crate) mod second_factor;
mod strong_roles;
mod trust;
