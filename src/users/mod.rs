//! Who may log in?

mod account;
mod username;

pub use account::{Account, AccountStore, AccountStoreError};
pub use username::{InvalidUsername, Username};
