//! The SQL of failed sign-ins and of known devices.
//! What becomes of a counter is [`Failures::attempt`]'s business; here it is read, asked and kept under the writing
//! lock.

use super::purge::in_pieces;
use super::{Connection, Driver, Failure, query, query_as, query_scalar};
use crate::auth::UnixTime;
use crate::users::{AccountStoreError, Admission, AttemptStore, Failures, Key, Retention, Ruling, Subject};
use async_trait::async_trait;

#[async_trait]
impl AttemptStore for Driver {
    async fn attempt_secret(&self, proposed: [u8; 32]) -> Result<[u8; 32], AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            query(
                "INSERT INTO store_secrets (name, value) VALUES ('attempts', $1) ON CONFLICT (name) DO NOTHING",
            )
            .bind(proposed.as_slice())
            .execute(&mut *write.0)
            .await
            ?;
            let kept: Vec<u8> = query_scalar("SELECT value FROM store_secrets WHERE name = 'attempts'")
                .fetch_one(&mut *write.0)
                .await?;
            write.commit().await?;
            kept.try_into().map_err(|_| Failure::Damaged("the secret of names"))
        })?)
    }

    async fn attempt(&self, subject: Subject, at: UnixTime) -> Result<Admission, AccountStoreError> {
        // Whoever has to wait takes no turn at the writing lock: an attack must not slow down everybody's sign-in.
        let (before, after, admission) = once!({
            let mut reader = self.read().await?;
            judge(&mut reader, subject, at).await
        })?;
        if before == after && matches!(admission.ruling, Ruling::Wait(_)) {
            return Ok(admission);
        }
        Ok(again!({
            let mut write = self.write().await?;
            let (before, after, admission) = judge(&mut write.0, subject, at).await?;
            if before != after {
                keep(&mut write.0, subject, admission.is_known_device, after).await?;
                write.commit().await?;
            }
            Ok(admission)
        })?)
    }

    async fn attempt_succeeded(&self, subject: Subject, at: UnixTime) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            query("DELETE FROM attempts WHERE account = $1")
                .bind(subject.account.as_slice())
                .execute(&mut *write.0)
                .await?;
            if let Some(device) = subject.device {
                query(
                    "UPDATE devices SET in_a_row = 0, recent = 0, last_used = CASE WHEN last_used > $3 THEN last_used ELSE $3 END
                     WHERE account = $1 AND device = $2",
                )
                .bind(subject.account.as_slice())
                .bind(device.as_slice())
                .bind(at.as_secs())
                .execute(&mut *write.0)
                .await
                ?;
            }
            write.commit().await
        })?)
    }

    async fn attempt_not_evaluated(&self, subject: Subject) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let account = subject.account.as_slice();
            let done = match &subject.device {
                None => query(
                    "UPDATE attempts SET in_a_row = in_a_row - 1, recent = recent - 1
                     WHERE account = $1 AND in_a_row > 0 AND recent > 0",
                )
                .bind(account)
                .execute(&mut *write.0),
                Some(device) => query(
                    "UPDATE devices SET in_a_row = in_a_row - 1, recent = recent - 1
                     WHERE account = $1 AND device = $2 AND in_a_row > 0 AND recent > 0",
                )
                .bind(account)
                .bind(device.as_slice())
                .execute(&mut *write.0),
            };
            done.await?;
            write.commit().await
        })?)
    }

    async fn failures(&self, account: Key) -> Result<Failures, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            of_name(&mut reader, account).await
        })?)
    }

    async fn knows_device(&self, account: Key, device: Key) -> Result<bool, AccountStoreError> {
        let found = once!({
            let mut reader = self.read().await?;
            of_device(&mut reader, Subject { account, device: Some(device) }).await
        })?;
        Ok(found.is_some_and(|failures| !failures.is_at_ceiling()))
    }

    async fn remember_device(
        &self,
        account: Key,
        device: Key,
        at: UnixTime,
        limit: usize,
    ) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            query(
                "INSERT INTO devices (account, device, last_used) VALUES ($1, $2, $3)
                 ON CONFLICT (account, device) DO UPDATE SET last_used = excluded.last_used
                 WHERE excluded.last_used > devices.last_used",
            )
            .bind(account.as_slice())
            .bind(device.as_slice())
            .bind(at.as_secs())
            .execute(&mut *write.0)
            .await?;
            query(
                "DELETE FROM devices WHERE account = $1 AND device <> $2 AND (device >= $4) = ($2 >= $4)
                     AND device NOT IN (
                         SELECT device FROM devices
                         WHERE account = $1 AND device <> $2 AND (device >= $4) = ($2 >= $4)
                         ORDER BY last_used DESC, device LIMIT $3)",
            )
            .bind(account.as_slice())
            .bind(device.as_slice())
            .bind(i64::try_from(limit.saturating_sub(1)).unwrap_or(i64::MAX))
            // Two halves of the devices, so that a flood of new ones leaves half of the old.
            .bind([0x80_u8].as_slice())
            .execute(&mut *write.0)
            .await?;
            write.commit().await
        })?)
    }

    async fn forget_attempts(&self, account: Key) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            for statement in
                ["DELETE FROM attempts WHERE account = $1", "DELETE FROM devices WHERE account = $1"]
            {
                let done = query(statement).bind(account.as_slice()).execute(&mut *write.0).await;
                done?;
            }
            write.commit().await
        })?)
    }

    async fn purge_attempts(&self, retention: Retention) -> Result<(), AccountStoreError> {
        for (statement, since) in [
            (
                "DELETE FROM attempts WHERE account IN
                 (SELECT account FROM attempts WHERE last_at < $1 LIMIT $2)",
                retention.attempts_since,
            ),
            (
                "DELETE FROM devices WHERE (account, device) IN
                 (SELECT account, device FROM devices WHERE last_used < $1 LIMIT $2)",
                retention.devices_since,
            ),
        ] {
            in_pieces(self, statement, since).await?;
        }
        Ok(again!({
            let mut write = self.write().await?;
            query(
                "DELETE FROM attempts WHERE account IN (
                     SELECT account FROM attempts ORDER BY in_a_row, last_at, account
                     LIMIT (SELECT CASE WHEN count(*) > $1 THEN count(*) - $1 ELSE 0 END FROM attempts))",
            )
            .bind(i64::try_from(retention.at_most).unwrap_or(i64::MAX))
            .execute(&mut *write.0)
            .await?;
            write.commit().await
        })?)
    }
}

/// The counter that decides, as it is and as it would be, and the rule's answer.
async fn judge(
    database: &mut Connection,
    subject: Subject,
    at: UnixTime,
) -> Result<(Failures, Failures, Admission), Failure> {
    let of_account = of_name(database, subject.account).await?;
    let of_device = of_device(database, subject).await?.filter(|failures| !failures.is_at_ceiling());
    let before = of_device.unwrap_or(of_account);
    let (after, ruling) = before.attempt(at);
    let failures = of_account.in_a_row.saturating_add(of_device.unwrap_or_default().in_a_row);
    Ok((before, after, Admission { ruling, failures, is_known_device: of_device.is_some() }))
}

async fn of_name(database: &mut Connection, account: Key) -> Result<Failures, Failure> {
    let row = query_as("SELECT in_a_row, recent, last_at FROM attempts WHERE account = $1");
    Ok(failures(row.bind(account.as_slice()).fetch_optional(database).await?)?.unwrap_or_default())
}

async fn of_device(database: &mut Connection, subject: Subject) -> Result<Option<Failures>, Failure> {
    let Some(device) = subject.device else { return Ok(None) };
    let row = query_as("SELECT in_a_row, recent, last_at FROM devices WHERE account = $1 AND device = $2");
    failures(row.bind(subject.account.as_slice()).bind(device.as_slice()).fetch_optional(database).await?)
}

async fn keep(
    write: &mut Connection,
    subject: Subject,
    is_known_device: bool,
    failures: Failures,
) -> Result<(), Failure> {
    let device = subject.device.filter(|_| is_known_device);
    let statement = match device {
        None => {
            "INSERT INTO attempts (account, in_a_row, recent, last_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account) DO UPDATE
             SET in_a_row = excluded.in_a_row, recent = excluded.recent, last_at = excluded.last_at"
        }
        Some(_) => {
            "UPDATE devices SET in_a_row = $2, recent = $3, last_at = $4 WHERE account = $1 AND device = $5"
        }
    };
    let query = query(statement)
        .bind(subject.account.as_slice().to_owned())
        .bind(i64::from(failures.in_a_row))
        .bind(i64::from(failures.recent))
        .bind(failures.last.as_secs());
    match device {
        None => query.execute(write).await?,
        Some(device) => query.bind(device.as_slice().to_owned()).execute(write).await?,
    };
    Ok(())
}

fn failures(row: Option<(i64, i64, i64)>) -> Result<Option<Failures>, Failure> {
    let Some((in_a_row, recent, last)) = row else { return Ok(None) };
    let count = |number| u32::try_from(number).map_err(|_| Failure::Damaged("a count of failures"));
    let last = UnixTime::from_secs(last);
    Ok(Some(Failures { in_a_row: count(in_a_row)?, recent: count(recent)?, last }))
}
