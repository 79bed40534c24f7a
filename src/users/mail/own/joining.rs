//! How somebody becomes somebody here: by themselves, or because an administrator has invited them.
//!
//! There is no account before its person has followed the link that was sent to their address. Whoever registers learns
//! nothing of others: the answer is the same, and takes as long, for a name or an address that somebody has.

use std::net::IpAddr;

use crate::auth::RandomError;
use crate::users::account::Warrant;
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::mail::address::EmailAddress;
use crate::users::mail::link::{KeptLink, LinkPurpose};
use crate::users::mail::newcomer::Newcomer;
use crate::users::mail::outbox::{Letter, MailMessage};
use crate::users::mail::own::{LinkError, unavailable};
use crate::users::mail::writing::written;
use crate::users::roles::Roles;
use crate::users::sign_in_error::SignInError;
use crate::users::username::{InvalidUsername, Username};

impl Accounts {
    /// Whether anybody may register by themselves here.
    #[must_use]
    pub fn offers_registration(&self) -> bool {
        self.post_office.as_ref().is_some_and(|office| office.registration.is_offered())
    }

    /// Whether administrators may invite by mail.
    #[must_use]
    pub fn takes_invitations(&self) -> bool {
        self.post_office.as_ref().is_some_and(|office| office.registration.takes_invitations())
    }

    /// Sends a link to whoever wants an account of this name: it is made once they follow it. Whoever has the address already
    /// gets another message, by which they choose a new password.
    ///
    /// # Errors
    /// [`LinkError`], as it says, except [`LinkError::Taken`] and [`LinkError::NameTaken`].
    pub async fn register(
        &self,
        name: &str,
        address: &str,
        password: String,
        language: &str,
        caller: Option<IpAddr>,
    ) -> Result<(), LinkError> {
        let Some(office) = &self.post_office else { return Err(LinkError::NotOpen) };
        let address: EmailAddress = address.parse()?;
        let name = fitting(name, &address)?;
        if !office.registration.admits(&address) {
            return Err(LinkError::NotAdmitted);
        }
        let password = self.new_password(password, &name).await?;
        // Counted, and never taken back: each may send a message.
        drop(self.gate.admit_address(caller).map_err(SignInError::from).map_err(ChangeError::from)?);
        let hash = self.hasher.hash(&password).await.map_err(ChangeError::from)?;
        let owner = office.store.owner_of(&address).await.map_err(ChangeError::from)?;
        // As much is asked, whoever has the address.
        let asked = owner.as_ref().unwrap_or(&name);
        let known = office.store.address_of(asked).await.map_err(ChangeError::from)?;
        let account = self.find(asked).await.map_err(ChangeError::from)?;
        let (message, link) = match (owner, known, account) {
            (None, ..) => {
                let newcomer =
                    Newcomer { name: Some(name), password_hash: Some(hash), ..Newcomer::default() };
                self.welcome(Letter::Welcome, &address, newcomer, language)?
            }
            (Some(_), known, account) => {
                let language = known.as_ref().map_or(language, |known| known.language.as_str());
                let address = known.as_ref().map_or(&address, |known| &known.address);
                let account = account.filter(|account| !account.disabled);
                let letter = Letter::KnownAddress;
                self.write(LinkPurpose::Reset, letter, account.as_ref(), address, language)?
            }
        };
        Ok(office.post(&message, &link).await.map_err(ChangeError::from)?)
    }

    /// Sends a link to somebody who is to become somebody here, under this name or one that they choose, with these roles.
    ///
    /// # Errors
    /// [`LinkError::Address`], [`LinkError::Username`], [`LinkError::Taken`], [`LinkError::NameTaken`], and
    /// [`LinkError::Change`] when the administrator's session has ended or the store is out of reach.
    pub async fn invite_by_mail(
        &self,
        address: &str,
        name: Option<&str>,
        roles: Roles,
        language: &str,
        warrant: Warrant<'_>,
    ) -> Result<EmailAddress, LinkError> {
        let office = self.post_office.as_ref().filter(|office| office.registration.takes_invitations());
        let Some(office) = office else { return Err(LinkError::NotOpen) };
        let address: EmailAddress = address.parse()?;
        let name = name.map(|name| fitting(name, &address)).transpose()?;
        if office.store.owner_of(&address).await.map_err(ChangeError::from)?.is_some() {
            return Err(LinkError::Taken);
        }
        if let Some(name) = &name
            && self.find(name).await.map_err(ChangeError::from)?.is_some()
        {
            return Err(LinkError::NameTaken);
        }
        let (roles, invited_by) = (roles.into_vec(), warrant.by.cloned());
        let newcomer = Newcomer { name, password_hash: None, roles, invited_by };
        let (message, link) = self.welcome(Letter::Invitation, &address, newcomer, language)?;
        if !office.store.post_warranted(&message, &link, warrant).await.map_err(ChangeError::from)? {
            return Err(ChangeError::Unwarranted.into());
        }
        office.posted.notify_one();
        Ok(address)
    }

    fn welcome(
        &self,
        letter: Letter,
        address: &EmailAddress,
        newcomer: Newcomer,
        language: &str,
    ) -> Result<(MailMessage, KeptLink), ChangeError> {
        let Some(office) = &self.post_office else { return Err(unavailable(RandomError)) };
        let (purpose, now) = (LinkPurpose::Join, self.moment().at);
        let (message, link) =
            written(purpose, letter, None, address, language, now, &*office.random).map_err(unavailable)?;
        // Whoever was invited may be on holiday.
        let expires_at = if letter == Letter::Invitation { now + INVITATION } else { link.expires_at };
        Ok((message, KeptLink { newcomer: Some(newcomer), expires_at, ..link }))
    }
}

/// The name that somebody with this address asks for. One that looks like an address must be theirs: people sign in by either.
pub(super) fn fitting(name: &str, address: &EmailAddress) -> Result<Username, LinkError> {
    let name: Username = name.parse().map_err(|error: InvalidUsername| LinkError::Username(error))?;
    let is_own = !name.as_str().contains('@') || name.as_str() == address.folded();
    if is_own { Ok(name) } else { Err(LinkError::NameIsAddress) }
}

const INVITATION: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);
