//! The SQL of accounts.
//! A change that ends the person's sessions does so in its own transaction.

use super::mail::tell;
use super::people::stay;
use super::sessions::{end, roles_of, roles_text};
use super::{Connection, Driver, Failure, Write};
use super::{codes, query, query_as, query_scalar, warrant};
use crate::auth::{EndReason, Ending, SessionId, UnixTime, Which};
use crate::users::{
    Account, AccountStore, AccountStoreError, Change, CodeDigest, Effective, KeptCode, Letter, NewHash,
    SessionName, Username, Warrant,
};
use async_trait::async_trait;

#[async_trait]
impl AccountStore for Driver {
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError> {
        let row: Option<AccountRow> = once!({
            let mut reader = self.read().await?;
            let row = query_as(
                "SELECT name, password_hash, roles, disabled, created_at, epoch FROM accounts WHERE name = $1",
            );
            Ok(row.bind(name.as_str()).fetch_optional(&mut *reader).await?)
        })?;
        Ok(row.map(Account::try_from).transpose()?)
    }

    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let is_new = insert(&mut write.0, account).await?;
            write.commit().await?;
            Ok(is_new)
        })?)
    }

    async fn invite(
        &self,
        account: &Account,
        code: &KeptCode,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(Change::Unwarranted);
            }
            if !insert(&mut write.0, account).await? {
                return Ok(Change::NotMade);
            }
            codes::keep(&mut write.0, &account.name, code).await?;
            write.commit().await?;
            Ok(Change::Made(Vec::new()))
        })?)
    }

    async fn keep_code(
        &self,
        name: &Username,
        code: &KeptCode,
        now: UnixTime,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(Change::Unwarranted);
            }
            if !codes::keep(&mut write.0, name, code).await? {
                return Ok(Change::NotMade);
            }
            tell(&mut write.0, name, Letter::CodeIssued, now).await?;
            write.commit().await?;
            Ok(Change::Made(Vec::new()))
        })?)
    }

    async fn code_of(&self, name: &Username) -> Result<Option<KeptCode>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            codes::find(&mut reader, name).await
        })?)
    }

    async fn forget_code(&self, name: &Username) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let was_there = codes::forget(&mut write.0, name).await?;
            write.commit().await?;
            Ok(was_there)
        })?)
    }

    async fn redeem(
        &self,
        name: &Username,
        code: &CodeDigest,
        new_hash: &str,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let kept = codes::find(&mut write.0, name).await?;
            if !kept.is_some_and(|kept| kept.is_open(moment.at) && kept.digest.is(code)) {
                return Ok(None);
            }
            let done = query(
                "UPDATE accounts SET password_hash = $2, epoch = epoch + 1 WHERE name = $1 AND NOT disabled",
            )
            .bind(name.as_str())
            .bind(new_hash)
            .execute(&mut *write.0)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            codes::forget(&mut write.0, name).await?;
            codes::forget_issued_by(&mut write.0, name).await?;
            tell(&mut write.0, name, Letter::PasswordChanged, moment.at).await?;
            Ok(Some(end_all(write, name, None, EndReason::PasswordChanged, moment).await?))
        })?)
    }

    async fn count(&self) -> Result<u64, AccountStoreError> {
        let count: i64 = once!(SEARCH, {
            let mut reader = self.read().await?;
            Ok(query_scalar("SELECT count(*) FROM accounts").fetch_one(&mut *reader).await?)
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let done = query("UPDATE accounts SET password_hash = $3 WHERE name = $1 AND password_hash = $2")
                .bind(name.as_str())
                .bind(old)
                .bind(new)
                .execute(&mut *write.0)
                .await?;
            write.commit().await?;
            Ok(done.rows_affected() == 1)
        })?)
    }

    async fn list(
        &self,
        part: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Account>, AccountStoreError> {
        // Not every database can be asked for such a text, and no name has it.
        if part.contains('\0') {
            return Ok(Vec::new());
        }
        let rows: Vec<AccountRow> = once!(SEARCH, {
            let mut reader = self.read().await?;
            let rows = query_as(
                "SELECT name, password_hash, roles, disabled, created_at, epoch FROM accounts
                 WHERE name > $1 AND name LIKE $3 ESCAPE '!' ORDER BY name LIMIT $2",
            )
            // No name is empty, so every name lies behind the empty text.
            .bind(after.map_or("", Username::as_str))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(anywhere(part));
            Ok(rows.fetch_all(&mut *reader).await?)
        })?;
        Ok(rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?)
    }

    async fn change_password(
        &self,
        name: &Username,
        hash: NewHash<'_>,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let done = query(
                "UPDATE accounts SET password_hash = $3, epoch = epoch + 1
                 WHERE name = $1 AND ($2 IS NULL OR password_hash = $2)",
            )
            .bind(name.as_str())
            .bind(hash.old)
            .bind(hash.new)
            .execute(&mut *write.0)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            codes::forget(&mut write.0, name).await?;
            codes::forget_issued_by(&mut write.0, name).await?;
            tell(&mut write.0, name, Letter::PasswordChanged, moment.at).await?;
            Ok(Some(end_all(write, name, hash.keep, EndReason::PasswordChanged, moment).await?))
        })?)
    }

    async fn set_disabled(
        &self,
        name: &Username,
        disabled: bool,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(Change::Unwarranted);
            }
            let done = query("UPDATE accounts SET disabled = $2, epoch = epoch + 1 WHERE name = $1")
                .bind(name.as_str())
                .bind(disabled)
                .execute(&mut *write.0)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(Change::NotMade);
            }
            if !warrant::keeps_role(&mut write.0, warrant).await? {
                return Ok(Change::LastOfRole);
            }
            if !disabled {
                stay(&mut write.0, name).await?;
                write.commit().await?;
                return Ok(Change::Made(Vec::new()));
            }
            codes::forget(&mut write.0, name).await?;
            codes::forget_issued_by(&mut write.0, name).await?;
            tell(&mut write.0, name, Letter::AccountDisabled, moment.at).await?;
            Ok(Change::Made(end_all(write, name, None, EndReason::AccountDisabled, moment).await?))
        })?)
    }

    async fn set_roles(
        &self,
        name: &Username,
        roles: &[String],
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(Change::Unwarranted);
            }
            let done = query("UPDATE accounts SET roles = $2, epoch = epoch + 1 WHERE name = $1")
                .bind(name.as_str())
                .bind(roles_text(roles)?)
                .execute(&mut *write.0)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(Change::NotMade);
            }
            if !warrant::keeps_role(&mut write.0, warrant).await? {
                return Ok(Change::LastOfRole);
            }
            codes::forget_issued_by(&mut write.0, name).await?;
            tell(&mut write.0, name, Letter::RolesChanged, moment.at).await?;
            Ok(Change::Made(end_all(write, name, None, EndReason::RolesChanged, moment).await?))
        })?)
    }
}

/// Keeps a new account; `false` when the name is taken.
pub(super) async fn insert(write: &mut Connection, account: &Account) -> Result<bool, Failure> {
    let done = query(
        "INSERT INTO accounts (name, password_hash, roles, disabled, created_at, epoch)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
    )
    .bind(account.name.as_str())
    .bind(account.password_hash.as_str())
    .bind(roles_text(&account.roles)?)
    .bind(account.disabled)
    .bind(account.created_at.as_secs())
    .bind(i64::try_from(account.epoch).unwrap_or(i64::MAX))
    .execute(write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The pattern of texts that contain `part`; what would be a wildcard in it stands for itself.
pub(super) fn anywhere(part: &str) -> String {
    let mut pattern = String::from("%");
    for sign in part.chars() {
        if matches!(sign, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(sign);
    }
    pattern.push('%');
    pattern
}

/// Ends all sessions of the person but the one to keep, and commits.
pub(super) async fn end_all(
    mut write: Write,
    name: &Username,
    keep: Option<SessionName>,
    reason: EndReason,
    moment: Effective,
) -> Result<Vec<SessionName>, Failure> {
    let which = Which::AllOf(name.as_str(), keep.map(SessionId::from_bytes));
    let Effective { at, remember_until } = moment;
    let ended = end(&mut write, &Ending { which, reason, at, remember_until }).await?;
    write.commit().await?;
    Ok(ended.iter().map(|id| *id.as_bytes()).collect())
}

#[derive(sqlx::FromRow)]
pub(super) struct AccountRow {
    name: String,
    password_hash: String,
    roles: String,
    disabled: bool,
    created_at: i64,
    epoch: i64,
}

impl TryFrom<AccountRow> for Account {
    type Error = Failure;

    fn try_from(row: AccountRow) -> Result<Self, Failure> {
        Ok(Self {
            name: row.name.parse().map_err(|_| Failure::Damaged("an account's name"))?,
            password_hash: row.password_hash,
            roles: roles_of(&row.roles)?,
            disabled: row.disabled,
            created_at: UnixTime::from_secs(row.created_at),
            epoch: u64::try_from(row.epoch).map_err(|_| Failure::Damaged("an account's epoch"))?,
        })
    }
}
