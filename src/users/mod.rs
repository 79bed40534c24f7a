//! Who may log in?
//!
//! Accounts, their passwords, and the use case that answers the question.
//! This wing knows no request and no store: it owns the contract of whoever keeps accounts, and takes the time from
//! `auth`'s clock.

mod account;
pub mod password;
mod policy;
mod sign_in;
mod username;

pub use account::{Account, AccountStore, AccountStoreError};
pub use password::{Cost, HashError, Hasher, InvalidPassword, Password, UnfitCost};
pub use policy::{PasswordPolicy, UnfitPassword};
pub use sign_in::{Accounts, CreateError, Creation, SignInError};
pub use username::{InvalidUsername, Username};
