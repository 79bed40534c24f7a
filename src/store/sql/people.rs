//! The SQL of what accounts have besides what signs them in, and of deleting them.

use async_trait::async_trait;

use super::accounts::end_all;
use super::mail::post_all;
use super::{Connection, Driver, Failure, codes, query, query_as, query_scalar, warrant};
use crate::auth::{EndReason, UnixTime};
use crate::users::{
    AccountStoreError, Change, Effective, KeptLink, MailMessage, Profile, ProfileStore, Username, Warrant,
};

#[async_trait]
impl ProfileStore for Driver {
    async fn profile_of(&self, name: &Username) -> Result<Profile, AccountStoreError> {
        let row: Option<(Option<String>, Option<String>)> = once!({
            let mut reader = self.read().await?;
            let row = query_as("SELECT display_name, language FROM profiles WHERE account = $1");
            Ok(row.bind(name.as_str()).fetch_optional(&mut *reader).await?)
        })?;
        let (display_name, language) = row.unwrap_or_default();
        let damaged = |_| Failure::Damaged("a display name");
        let display_name = display_name.map(|name| name.parse()).transpose().map_err(damaged)?;
        Ok(Profile { display_name, language })
    }

    async fn keep_profile(&self, name: &Username, profile: &Profile) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let is_there: i64 = query_scalar("SELECT count(*) FROM accounts WHERE name = $1")
                .bind(name.as_str())
                .fetch_one(&mut *write.0)
                .await?;
            if is_there == 0 {
                return Ok(false);
            }
            query(
                "INSERT INTO profiles (account, display_name, language) VALUES ($1, $2, $3)
                 ON CONFLICT (account) DO UPDATE SET display_name = excluded.display_name,
                 language = excluded.language",
            )
            .bind(name.as_str())
            .bind(profile.display_name.as_ref().map(|name| name.as_str()))
            .bind(profile.language.as_deref())
            .execute(&mut *write.0)
            .await?;
            query("UPDATE addresses SET language = $2 WHERE account = $1 AND $2 IS NOT NULL")
                .bind(name.as_str())
                .bind(profile.language.as_deref())
                .execute(&mut *write.0)
                .await?;
            write.commit().await?;
            Ok(true)
        })?)
    }

    async fn leave(
        &self,
        name: &Username,
        leaves_at: UnixTime,
        farewell: Option<(&MailMessage, &KeptLink)>,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(Change::Unwarranted);
            }
            let done = query("UPDATE accounts SET disabled = true, epoch = epoch + 1 WHERE name = $1");
            let done = done.bind(name.as_str()).execute(&mut *write.0).await?;
            if done.rows_affected() == 0 {
                return Ok(Change::NotMade);
            }
            if !warrant::keeps_role(&mut write.0, warrant).await? {
                return Ok(Change::LastOfRole);
            }
            codes::forget(&mut write.0, name).await?;
            codes::forget_issued_by(&mut write.0, name).await?;
            query(
                "INSERT INTO departures (account, leaves_at) VALUES ($1, $2)
                 ON CONFLICT (account) DO UPDATE SET leaves_at = excluded.leaves_at",
            )
            .bind(name.as_str())
            .bind(leaves_at.as_secs())
            .execute(&mut *write.0)
            .await?;
            post_all(&mut write.0, farewell).await?;
            Ok(Change::Made(end_all(write, name, None, EndReason::AccountDisabled, moment).await?))
        })?)
    }

    async fn leaves_at(&self, name: &Username) -> Result<Option<UnixTime>, AccountStoreError> {
        let at: Option<i64> = once!({
            let mut reader = self.read().await?;
            let at = query_scalar("SELECT leaves_at FROM departures WHERE account = $1");
            Ok(at.bind(name.as_str()).fetch_optional(&mut *reader).await?)
        })?;
        Ok(at.map(UnixTime::from_secs))
    }

    async fn forget_one(
        &self,
        now: UnixTime,
        pseudonym: &str,
    ) -> Result<Option<Username>, AccountStoreError> {
        let due = "SELECT account FROM departures WHERE leaves_at <= $1 ORDER BY leaves_at LIMIT 1";
        let gone: Option<String> = again!({
            // Most of the time nobody leaves, and nobody waits for that to be found out.
            let due: Option<String> = {
                let mut reader = self.read().await?;
                query_scalar(due).bind(now.as_secs()).fetch_optional(&mut *reader).await?
            };
            let Some(name) = due else { return Ok(None) };
            let mut write = self.write().await?;
            let taken = query("DELETE FROM departures WHERE account = $1 AND leaves_at <= $2");
            let taken = taken.bind(name.as_str()).bind(now.as_secs()).execute(&mut *write.0).await?;
            if taken.rows_affected() == 0 {
                // Another node was faster, or the person has come back.
                return Ok(None);
            }
            for statement in EVERYTHING {
                query(statement).bind(name.as_str()).execute(&mut *write.0).await?;
            }
            for statement in RENAMED {
                query(statement).bind(name.as_str()).bind(pseudonym).execute(&mut *write.0).await?;
            }
            query("DELETE FROM accounts WHERE name = $1").bind(name.as_str()).execute(&mut *write.0).await?;
            write.commit().await?;
            Ok(Some(name))
        })?;
        let damaged = |_| Failure::Damaged("an account's name");
        Ok(gone.map(|name| name.parse()).transpose().map_err(damaged)?)
    }
}

/// The account stays, if it was to be deleted; `false` when it was not.
pub(super) async fn stay(write: &mut Connection, name: &Username) -> Result<bool, Failure> {
    let taken_back = query("DELETE FROM departures WHERE account = $1").bind(name.as_str());
    Ok(taken_back.execute(write).await?.rows_affected() > 0)
}

/// What is kept of one person. Revocations stay until the tokens that they speak of are over, and name nobody.
const EVERYTHING: [&str; 15] = [
    "DELETE FROM one_time_codes WHERE account = $1",
    "DELETE FROM one_time_codes WHERE issued_by = $1",
    "DELETE FROM recovery_codes WHERE account = $1",
    "DELETE FROM pending_sign_ins WHERE account = $1",
    "DELETE FROM trusted_browsers WHERE account = $1",
    "DELETE FROM required_factors WHERE account = $1",
    "DELETE FROM passkeys WHERE account = $1",
    "DELETE FROM factors WHERE account = $1",
    "DELETE FROM addresses WHERE account = $1",
    "DELETE FROM mail_links WHERE account = $1",
    "DELETE FROM mail_links WHERE newcomer = $1 AND used_at IS NOT NULL",
    "DELETE FROM outbox WHERE account = $1",
    "UPDATE mail_links SET invited_by = NULL WHERE invited_by = $1",
    "DELETE FROM profiles WHERE account = $1",
    "DELETE FROM sessions WHERE user_name = $1",
];

const RENAMED: [&str; 2] = [
    "UPDATE events SET user_name = $2, address = NULL WHERE user_name = $1",
    "UPDATE events SET by_user = $2 WHERE by_user = $1",
];
