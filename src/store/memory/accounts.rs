//! Accounts in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::{Kept, MemoryStore};
use crate::auth::{EndReason, Ending, Session, SessionId, UnixTime, Which};
use crate::users::{
    Account, AccountStore, AccountStoreError, Change, CodeDigest, Effective, KeptCode, Letter, NewHash,
    SessionName, Username, Warrant,
};

#[async_trait]
impl AccountStore for MemoryStore {
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError> {
        Ok(self.kept().accounts.get(name).cloned())
    }

    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        if kept.accounts.contains_key(&account.name) {
            return Ok(false);
        }
        kept.accounts.insert(account.name.clone(), account.clone());
        Ok(true)
    }

    async fn count(&self) -> Result<u64, AccountStoreError> {
        Ok(u64::try_from(self.kept().accounts.len()).unwrap_or(u64::MAX))
    }

    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        let Some(account) = kept.accounts.get_mut(name).filter(|account| account.password_hash == old) else {
            return Ok(false);
        };
        new.clone_into(&mut account.password_hash);
        Ok(true)
    }

    async fn invite(
        &self,
        account: &Account,
        code: &KeptCode,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let mut kept = self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        if kept.accounts.contains_key(&account.name) {
            return Ok(Change::NotMade);
        }
        kept.accounts.insert(account.name.clone(), account.clone());
        kept.codes.insert(account.name.clone(), code.clone());
        Ok(Change::Made(Vec::new()))
    }

    async fn keep_code(
        &self,
        name: &Username,
        code: &KeptCode,
        now: UnixTime,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let mut kept = self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        if kept.accounts.get(name).is_none_or(|account| account.disabled) {
            return Ok(Change::NotMade);
        }
        kept.codes.insert(name.clone(), code.clone());
        kept.tell(name, Letter::CodeIssued, now)?;
        Ok(Change::Made(Vec::new()))
    }

    async fn code_of(&self, name: &Username) -> Result<Option<KeptCode>, AccountStoreError> {
        Ok(self.kept().codes.get(name).cloned())
    }

    async fn forget_code(&self, name: &Username) -> Result<bool, AccountStoreError> {
        Ok(self.kept().codes.remove(name).is_some())
    }

    async fn redeem(
        &self,
        name: &Username,
        code: &CodeDigest,
        new_hash: &str,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        let kept = &mut *self.kept();
        let is_open = |kept: &KeptCode| kept.is_open(moment.at) && kept.digest.is(code);
        let Some(account) = kept.accounts.get_mut(name).filter(|account| !account.disabled) else {
            return Ok(None);
        };
        if !kept.codes.get(name).is_some_and(is_open) {
            return Ok(None);
        }
        new_hash.clone_into(&mut account.password_hash);
        kept.raise_epoch(name);
        kept.forget_codes_of(name);
        kept.tell(name, Letter::PasswordChanged, moment.at)?;
        Ok(Some(kept.end_all(name, None, EndReason::PasswordChanged, moment)))
    }

    async fn list(
        &self,
        part: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Account>, AccountStoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let kept = self.kept();
        let behind = kept.accounts.range((from, Bound::Unbounded));
        let behind = behind.filter(|(name, _)| name.as_str().contains(part));
        Ok(behind.take(limit).map(|(_, account)| account.clone()).collect())
    }

    async fn change_password(
        &self,
        name: &Username,
        hash: NewHash<'_>,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        let kept = &mut *self.kept();
        let is_old = |account: &&mut Account| hash.old.is_none_or(|old| account.password_hash == old);
        let Some(account) = kept.accounts.get_mut(name).filter(is_old) else { return Ok(None) };
        hash.new.clone_into(&mut account.password_hash);
        kept.raise_epoch(name);
        kept.forget_codes_of(name);
        kept.tell(name, Letter::PasswordChanged, moment.at)?;
        Ok(Some(kept.end_all(name, hash.keep, EndReason::PasswordChanged, moment)))
    }

    async fn set_disabled(
        &self,
        name: &Username,
        disabled: bool,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let kept = &mut *self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        let Some(before) = kept.accounts.get(name) else { return Ok(Change::NotMade) };
        let after = Account { disabled, ..before.clone() };
        if kept.lacks(warrant, &after) {
            return Ok(Change::LastOfRole);
        }
        kept.accounts.insert(name.clone(), after);
        kept.raise_epoch(name);
        if !disabled {
            kept.stay(name);
            return Ok(Change::Made(Vec::new()));
        }
        kept.forget_codes_of(name);
        kept.tell(name, Letter::AccountDisabled, moment.at)?;
        Ok(Change::Made(kept.end_all(name, None, EndReason::AccountDisabled, moment)))
    }

    async fn set_roles(
        &self,
        name: &Username,
        roles: &[String],
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let kept = &mut *self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        let Some(before) = kept.accounts.get(name) else { return Ok(Change::NotMade) };
        let after = Account { roles: roles.to_vec(), ..before.clone() };
        if kept.lacks(warrant, &after) {
            return Ok(Change::LastOfRole);
        }
        kept.accounts.insert(name.clone(), after);
        kept.raise_epoch(name);
        kept.forget_codes_issued_by(name);
        kept.tell(name, Letter::RolesChanged, moment.at)?;
        Ok(Change::Made(kept.end_all(name, None, EndReason::RolesChanged, moment)))
    }
}

impl Kept {
    /// Whether the session in which a change was asked for goes on.
    pub(super) fn warrants(&self, warrant: Warrant<'_>) -> bool {
        let goes_on = |session: &Session| session.state.ended.is_none();
        let session = warrant.session.map(SessionId::from_bytes);
        session.is_none_or(|id| self.sessions.get(&id).is_some_and(goes_on))
    }

    /// Whether nobody who may sign in has the role that somebody must have, once this account is as it is here.
    pub(super) fn lacks(&self, warrant: Warrant<'_>, changed: &Account) -> bool {
        let Some(role) = warrant.keeps else { return false };
        let others = self.accounts.values().filter(|account| account.name != changed.name);
        let mut able = others.chain([changed]).filter(|account| !account.disabled);
        !able.any(|account| account.roles.iter().any(|known| known == role))
    }

    /// The code for this account, and those that its owner issued.
    pub(super) fn forget_codes_of(&mut self, name: &Username) {
        self.codes.remove(name);
        self.forget_codes_issued_by(name);
    }

    fn forget_codes_issued_by(&mut self, name: &Username) {
        self.codes.retain(|_, code| code.issued_by.as_ref() != Some(name));
        self.post.forget_invitations_of(name);
    }

    pub(super) fn end_all(
        &mut self,
        name: &Username,
        keep: Option<SessionName>,
        reason: EndReason,
        moment: Effective,
    ) -> Vec<SessionName> {
        let which = Which::AllOf(name.as_str(), keep.map(SessionId::from_bytes));
        let Effective { at, remember_until } = moment;
        let ended = self.end(&Ending { which, reason, at, remember_until });
        ended.iter().map(|id| *id.as_bytes()).collect()
    }
}
