//! An account without anybody else knowing its password: issuing one-time codes, and exchanging one.
//!
//! An account that is made for somebody has a password of 256 random bits that is thrown away, so that nothing about it
//! is special: it cannot be signed in to, and it takes the same time to find that out.
//! A code opens nothing but the form that asks for a new password.
//! Nobody guesses 80 bits, so attempts are counted against their address alone, to bound the work; counted against the
//! name, anybody could keep its owner from exchanging the code (OWASP ASVS 6.6.3).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::auth::UnixTime;
use crate::users::account::{Account, SessionName, Warrant};
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::code::{KeptCode, OneTimeCode};
use crate::users::password::Password;
use crate::users::policy::UnfitPassword;
use crate::users::roles::Roles;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// What became of an account for somebody who is to choose a password.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Invitation, OneTimeCode, Roles, Warrant};
///
/// let accounts = testing::accounts();
/// let (code, random) = (OneTimeCode::from_bytes([1; 15]), [2; 32]);
/// rocket::execute(async {
///     let ada = || "ada".parse().unwrap();
///     let first = accounts.invite(ada(), Roles::default(), &code, random, Warrant::OPERATOR).await.unwrap();
///     assert!(matches!(first, Invitation::Made(_)));
///     let second = accounts.invite(ada(), Roles::default(), &code, random, Warrant::OPERATOR).await.unwrap();
///     assert_eq!(second, Invitation::Taken);
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// It was made, and its code can be exchanged until then.
    Made(UnixTime),
    /// There is one of this name already, and it is as it was.
    Taken,
}

/// A code was exchanged for a password.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{OneTimeCode, Roles, Warrant};
///
/// let accounts = testing::accounts();
/// // Random bytes, in a program.
/// let (code, random) = (OneTimeCode::from_bytes([1; 15]), [2; 32]);
/// rocket::execute(async {
///     accounts.invite("ada".parse().unwrap(), Roles::default(), &code, random, Warrant::OPERATOR).await.unwrap();
///     let chosen = || "a heron on the weir".to_owned();
///     let done = accounts.redeem("ada", &code.to_text(), chosen(), None).await.unwrap();
///     assert_eq!(done.name.as_str(), "ada");
///     assert!(accounts.redeem("ada", &code.to_text(), chosen(), None).await.is_err(), "once");
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// Whose it is now.
    pub name: Username,
    /// The sessions of the person that ended by it.
    pub ended: Vec<SessionName>,
}

impl Accounts {
    /// Makes an account that nobody can sign in to until its code has been exchanged for a password.
    /// `random` are unguessable bytes, used for nothing else.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`], [`ChangeError::Hash`] and [`ChangeError::Store`]. A name that is taken is an outcome, not an error.
    pub async fn invite(
        &self,
        name: Username,
        roles: Roles,
        code: &OneTimeCode,
        random: [u8; 32],
        warrant: Warrant<'_>,
    ) -> Result<Invitation, ChangeError> {
        let nobodys = Password::new(STANDARD_NO_PAD.encode(random)).map_err(|_| UnfitPassword::TooLong)?;
        let password_hash = self.hasher.hash(&nobodys).await?;
        let created_at = self.moment().at;
        let account =
            Account { name, password_hash, roles: roles.into_vec(), disabled: false, created_at, epoch: 0 };
        let kept = self.kept(code, warrant.by);
        let made = self.store.invite(&account, &kept, warrant).await?.into_result()?;
        Ok(made.map_or(Invitation::Taken, |_| Invitation::Made(kept.expires_at)))
    }

    /// Issues a code for an account, in place of any before; returns until when it can be exchanged.
    /// The person's password and sessions stay as they are until then.
    /// `None` when there is no such account, or a disabled one.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`] and [`ChangeError::Store`].
    pub async fn issue_code(
        &self,
        name: &Username,
        code: &OneTimeCode,
        warrant: Warrant<'_>,
    ) -> Result<Option<UnixTime>, ChangeError> {
        let kept = self.kept(code, warrant.by);
        let change = self.store.keep_code(name, &kept, self.moment().at, warrant).await?;
        Ok(change.into_result()?.map(|_| kept.expires_at))
    }

    /// The code of this account that was never exchanged, open or over.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn code_of(&self, name: &Username) -> Result<Option<KeptCode>, AccountStoreError> {
        self.store.code_of(name).await
    }

    /// Withdraws the code of this account; `false` when there is none.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn withdraw_code(&self, name: &Username) -> Result<bool, AccountStoreError> {
        self.store.forget_code(name).await
    }

    /// Exchanges a code for a password of the person's own; all sessions of the person end, and the name is freed from
    /// its failures. The code is spent only when that is done.
    ///
    /// # Errors
    /// [`ChangeError`], as it says. An unknown or disabled name, a wrong code and one that is over are all
    /// [`SignInError::BadCredentials`].
    pub async fn redeem(
        &self,
        name: &str,
        code: &str,
        new: String,
        address: Option<IpAddr>,
    ) -> Result<Redeemed, ChangeError> {
        let parsed = name.parse::<Username>();
        let new = match &parsed {
            Ok(name) => self.new_password(new, name).await?,
            Err(_) => Password::new(new).map_err(|_| SignInError::BadCredentials)?,
        };
        // What can be no code is no guess, and whoever mistypes one is not kept waiting for it.
        let Ok(code) = code.parse::<OneTimeCode>() else { return Err(SignInError::BadCredentials.into()) };
        let pass = self.gate.admit_address(address).map_err(SignInError::from)?;
        let Ok(name) = parsed else { return Err(SignInError::BadCredentials.into()) };
        let moment = self.moment();
        let kept = self.store.code_of(&name).await?;
        if !kept.is_some_and(|kept| kept.is_open(moment.at) && kept.digest.is(&code.digest())) {
            return Err(SignInError::BadCredentials.into());
        }
        // Only whoever holds the right code gets so far, so the time that hashing takes tells nobody anything.
        pass.succeeded();
        let hash = self.hasher.hash(&new).await?;
        let ended = self.store.redeem(&name, &code.digest(), &hash, moment).await?;
        // Somebody else exchanged it between the check and now, or the account was disabled.
        let ended = ended.ok_or(SignInError::BadCredentials)?;
        self.free(&name).await;
        Ok(Redeemed { name, ended })
    }

    fn kept(&self, code: &OneTimeCode, by: Option<&Username>) -> KeptCode {
        let expires_at = self.moment().at + self.code_ttl;
        KeptCode { digest: code.digest(), expires_at, issued_by: by.cloned() }
    }
}
