//! Following a link: looking at it changes nothing, and doing what it says happens once.

use crate::users::account::Account;
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::mail::address::EmailAddress;
use crate::users::mail::link::{KeptLink, LinkPurpose, read};
use crate::users::mail::newcomer::Newcomer;
use crate::users::mail::outbox::Letter;
use crate::users::mail::own::joining::fitting;
use crate::users::mail::own::{LinkError, PostOffice};
use crate::users::mail::store::{Followed, FollowedLink, LinkStep};
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// A link that can be followed, for whoever looks at it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLink {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose account; of one by which somebody joins, the name that they asked for, if nobody has it.
    pub account: Option<Username>,
    /// To whom it was sent.
    pub address: EmailAddress,
    /// Whether a password is chosen with it.
    pub asks_password: bool,
}

/// What somebody says who follows a link.
#[derive(Default)]
pub struct LinkForm {
    /// Of one by which somebody joins: the name that they want, where it is not the one that they asked for.
    pub username: Option<String>,
    /// The password that they choose, where one is chosen.
    pub new_password: Option<String>,
}

impl Accounts {
    /// What this link does, if it can be followed. Looking at it changes nothing.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn open_link(&self, text: &str) -> Result<Option<OpenLink>, AccountStoreError> {
        let Some(link) = self.known_link(text).await? else { return Ok(None) };
        let KeptLink { purpose, account, address, epoch, newcomer, .. } = link;
        if let Some(Newcomer { name, password_hash, .. }) = newcomer {
            let account = match name {
                Some(name) if self.find(&name).await?.is_none() => Some(name),
                _ => None,
            };
            let asks_password = password_hash.is_none();
            return Ok(Some(OpenLink { purpose, account, address, asks_password }));
        }
        let Some(account) = account else { return Ok(None) };
        let leaves = purpose == LinkPurpose::Stay;
        if leaves && self.leaves_at(&account).await?.is_none() {
            return Ok(None);
        }
        let found = self.find(&account).await?.filter(|found| leaves || !found.disabled);
        let counts = found.is_some_and(|found| epoch.is_none_or(|epoch| epoch == found.epoch));
        let (account, asks_password) = (Some(account), purpose == LinkPurpose::Reset);
        Ok(counts.then_some(OpenLink { purpose, account, address, asks_password }))
    }

    /// Follows a link, once.
    ///
    /// # Errors
    /// [`LinkError`], as it says. A password that may not be chosen and a name that is not to be had spend nothing.
    pub async fn follow_link(
        &self,
        text: &str,
        form: LinkForm,
        language: &str,
    ) -> Result<(LinkPurpose, Followed), LinkError> {
        let Some(office) = &self.post_office else { return Err(LinkError::NotOpen) };
        let Some(link) = self.known_link(text).await.map_err(ChangeError::from)? else {
            return Err(LinkError::NotOpen);
        };
        let done = match (&link.account, &link.newcomer) {
            (Some(account), _) => self.act(office, &link, account, form, language).await?,
            (None, Some(newcomer)) => self.join(office, &link, newcomer, form, language).await?,
            (None, None) => return Err(LinkError::NotOpen),
        };
        match done {
            FollowedLink::Done(followed) => {
                if link.purpose == LinkPurpose::Reset {
                    self.free(&followed.account).await;
                }
                self.posted();
                Ok((link.purpose, followed))
            }
            FollowedLink::NotOpen => Err(LinkError::NotOpen),
            FollowedLink::Taken => Err(LinkError::Taken),
            FollowedLink::NameTaken => Err(LinkError::NameTaken),
        }
    }

    /// Does what a link says for the account that it is about.
    async fn act(
        &self,
        office: &PostOffice,
        link: &KeptLink,
        account: &Username,
        form: LinkForm,
        language: &str,
    ) -> Result<FollowedLink, LinkError> {
        let (store, moment) = (office.store(), self.moment());
        let done = match link.purpose {
            LinkPurpose::Prove => {
                let before = store.address_of(account).await.map_err(ChangeError::from)?;
                let before = before.filter(|before| before.address.folded() != link.address.folded());
                let farewell = before.map(|before| {
                    let (letter, purpose) = (Letter::AddressChanged, LinkPurpose::Undo);
                    self.lasting(purpose, letter, account, &before.address, &before.language)
                });
                let farewell = farewell.transpose()?;
                let farewell = farewell.as_ref().map(|(message, link)| (message, link));
                store.follow(link.id, LinkStep::Prove { language, farewell }, moment).await
            }
            LinkPurpose::Reset => {
                let new = self.new_password(form.new_password.unwrap_or_default(), account).await?;
                let hash = self.hasher.hash(&new).await.map_err(ChangeError::from)?;
                store.follow(link.id, LinkStep::Reset { hash: &hash }, moment).await
            }
            LinkPurpose::Undo | LinkPurpose::Disown => {
                let (letter, purpose) = (Letter::ResetPassword, LinkPurpose::Reset);
                let written = self.lasting(purpose, letter, account, &link.address, language)?;
                let reset = (&written.0, &written.1);
                let step = match link.purpose {
                    LinkPurpose::Undo => LinkStep::Undo { language, reset },
                    _ => LinkStep::Disown { reset },
                };
                store.follow(link.id, step, moment).await
            }
            LinkPurpose::Stay => store.follow(link.id, LinkStep::Stay, moment).await,
            LinkPurpose::Join => Ok(FollowedLink::NotOpen),
        };
        Ok(done.map_err(ChangeError::from)?)
    }

    /// Makes the account of whoever follows the link that they were sent.
    async fn join(
        &self,
        office: &PostOffice,
        link: &KeptLink,
        newcomer: &Newcomer,
        form: LinkForm,
        language: &str,
    ) -> Result<FollowedLink, LinkError> {
        let typed = form.username.filter(|typed| !typed.trim().is_empty());
        let name = match (typed, &newcomer.name) {
            (Some(typed), _) => fitting(&typed, &link.address)?,
            (None, Some(name)) => name.clone(),
            (None, None) => fitting("", &link.address)?,
        };
        // Before a password is hashed for nothing.
        if self.find(&name).await.map_err(ChangeError::from)?.is_some() {
            return Ok(FollowedLink::NameTaken);
        }
        let password_hash = match &newcomer.password_hash {
            Some(hash) => hash.clone(),
            None => {
                let new = self.new_password(form.new_password.unwrap_or_default(), &name).await?;
                self.hasher.hash(&new).await.map_err(ChangeError::from)?
            }
        };
        let (moment, roles) = (self.moment(), newcomer.roles.clone());
        let account =
            Account { name, password_hash, roles, disabled: false, created_at: moment.at, epoch: 0 };
        let step = LinkStep::Join { account: &account, language };
        Ok(office.store().follow(link.id, step, moment).await.map_err(ChangeError::from)?)
    }

    /// The link of this text, if it is one of ours and was neither followed nor is over.
    async fn known_link(&self, text: &str) -> Result<Option<KeptLink>, AccountStoreError> {
        let (Some(office), Some((id, code))) = (&self.post_office, read(text)) else { return Ok(None) };
        let now = self.moment().at;
        let link = office.store.link(id).await?;
        Ok(link.filter(|link| link.is_told_by(&code, &office.key) && link.is_open(now)))
    }
}
