//! What accounts have besides what signs them in, and deleting them, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Kept, MemoryStore};
use crate::auth::{EndReason, UnixTime};
use crate::users::{
    Account, AccountStoreError, Change, Effective, KeptLink, MailMessage, Profile, ProfileStore, Username,
    Warrant,
};

#[derive(Default)]
pub(super) struct People {
    profiles: BTreeMap<Username, Profile>,
    departures: BTreeMap<Username, UnixTime>,
}

#[async_trait]
impl ProfileStore for MemoryStore {
    async fn profile_of(&self, name: &Username) -> Result<Profile, AccountStoreError> {
        Ok(self.kept().people.profiles.get(name).cloned().unwrap_or_default())
    }

    async fn keep_profile(&self, name: &Username, profile: &Profile) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        if !kept.accounts.contains_key(name) {
            return Ok(false);
        }
        kept.people.profiles.insert(name.clone(), profile.clone());
        if let Some(language) = &profile.language {
            kept.post.speak(name, language);
        }
        Ok(true)
    }

    async fn leave(
        &self,
        name: &Username,
        leaves_at: UnixTime,
        farewell: Option<(&MailMessage, &KeptLink)>,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let kept = &mut *self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        let Some(before) = kept.accounts.get(name) else { return Ok(Change::NotMade) };
        let after = Account { disabled: true, ..before.clone() };
        if kept.lacks(warrant, &after) {
            return Ok(Change::LastOfRole);
        }
        kept.accounts.insert(name.clone(), after);
        kept.raise_epoch(name);
        kept.forget_codes_of(name);
        kept.people.departures.insert(name.clone(), leaves_at);
        farewell.into_iter().for_each(|posted| kept.post.keep(posted));
        Ok(Change::Made(kept.end_all(name, None, EndReason::AccountDisabled, moment)))
    }

    async fn leaves_at(&self, name: &Username) -> Result<Option<UnixTime>, AccountStoreError> {
        Ok(self.kept().people.departures.get(name).copied())
    }

    async fn forget_one(
        &self,
        now: UnixTime,
        pseudonym: &str,
    ) -> Result<Option<Username>, AccountStoreError> {
        let kept = &mut *self.kept();
        let due = kept.people.departures.iter().find(|(_, at)| **at <= now);
        let Some(name) = due.map(|(name, _)| name.clone()) else { return Ok(None) };
        kept.forget(&name, pseudonym);
        Ok(Some(name))
    }
}

impl Kept {
    /// The account stays, if it was to be deleted; `false` when it was not.
    pub(super) fn stay(&mut self, name: &Username) -> bool {
        self.people.departures.remove(name).is_some()
    }

    fn forget(&mut self, name: &Username, pseudonym: &str) {
        self.people.departures.remove(name);
        self.people.profiles.remove(name);
        self.forget_codes_of(name);
        self.besides.forget(name);
        self.trusted.retain(|browser| browser.account != *name);
        self.post.forget(name);
        self.sessions.retain(|_, session| session.user != name.as_str());
        for entry in &mut self.events {
            let event = &mut entry.event;
            if event.user.as_deref() == Some(name.as_str()) {
                (event.user, event.address) = (Some(pseudonym.to_owned()), None);
            }
            if event.by.as_deref() == Some(name.as_str()) {
                event.by = Some(pseudonym.to_owned());
            }
        }
        self.accounts.remove(name);
    }
}
