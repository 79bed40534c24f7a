//! The SQL of accounts.
//! Each method is one statement, and SQLite makes a single statement a transaction by itself;
//! the writing ones still go through the one writer.

use async_trait::async_trait;

use super::{Failure, SqliteStore};
use crate::auth::UnixTime;
use crate::users::{Account, AccountStore, AccountStoreError, Username};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError> {
        let row: Option<AccountRow> = sqlx::query_as(
            "SELECT name, password_hash, roles, disabled, created_at FROM accounts WHERE name = $1",
        )
        .bind(name.as_str())
        .fetch_optional(self.reader().await?)
        .await
        .map_err(Failure::from)?;
        Ok(row.map(Account::try_from).transpose()?)
    }

    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError> {
        let mut write = self.write().await?;
        let done = sqlx::query(
            "INSERT INTO accounts (name, password_hash, roles, disabled, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING",
        )
        .bind(account.name.as_str())
        .bind(account.password_hash.as_str())
        .bind(super::sessions::roles_text(&account.roles)?)
        .bind(account.disabled)
        .bind(account.created_at.as_secs())
        .execute(&mut *write.0)
        .await
        .map_err(Failure::from)?;
        write.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    async fn count(&self) -> Result<u64, AccountStoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
            .fetch_one(self.reader().await?)
            .await
            .map_err(Failure::from)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError> {
        let mut write = self.write().await?;
        let done =
            sqlx::query("UPDATE accounts SET password_hash = $3 WHERE name = $1 AND password_hash = $2")
                .bind(name.as_str())
                .bind(old)
                .bind(new)
                .execute(&mut *write.0)
                .await
                .map_err(Failure::from)?;
        write.commit().await?;
        Ok(done.rows_affected() == 1)
    }
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    name: String,
    password_hash: String,
    roles: String,
    disabled: bool,
    created_at: i64,
}

impl TryFrom<AccountRow> for Account {
    type Error = Failure;

    fn try_from(row: AccountRow) -> Result<Self, Failure> {
        Ok(Self {
            name: row.name.parse().map_err(|_| Failure::Damaged("an account's name"))?,
            password_hash: row.password_hash,
            roles: super::sessions::roles_of(&row.roles)?,
            disabled: row.disabled,
            created_at: UnixTime::from_secs(row.created_at),
        })
    }
}
