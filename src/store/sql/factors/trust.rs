//! The SQL of browsers that people trust.

use async_trait::async_trait;

use super::purge::in_pieces;
use super::under_way::signed;
use super::{Driver, Failure, query, query_as, query_scalar};
use crate::auth::UnixTime;
use crate::users::{AccountStoreError, TrustStore, TrustedBrowser, Username};

#[async_trait]
impl TrustStore for Driver {
    async fn trust(&self, browser: &TrustedBrowser, at_most: u32) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            query(
                "INSERT INTO trusted_browsers (digest, account, epoch, made_at, until, browser)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(browser.digest.as_slice())
            .bind(browser.account.as_str())
            .bind(signed(browser.epoch))
            .bind(browser.made_at.as_secs())
            .bind(browser.until.as_secs())
            .bind(browser.browser.as_str())
            .execute(&mut *write.0)
            .await?;
            query(
                "DELETE FROM trusted_browsers WHERE account = $1 AND digest NOT IN
                 (SELECT digest FROM trusted_browsers WHERE account = $1 ORDER BY made_at DESC, digest LIMIT $2)",
            )
            .bind(browser.account.as_str())
            .bind(i64::from(at_most))
            .execute(&mut *write.0)
            .await?;
            write.commit().await
        })?)
    }

    async fn is_trusted(
        &self,
        digest: [u8; 32],
        account: &Username,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        let found: i64 = once!({
            let mut reader = self.read().await?;
            let found = query_scalar(
                "SELECT count(*) FROM trusted_browsers JOIN accounts
                 ON accounts.name = trusted_browsers.account AND accounts.epoch = trusted_browsers.epoch
                 WHERE digest = $1 AND account = $2 AND until > $3 AND NOT disabled",
            )
            .bind(digest.as_slice())
            .bind(account.as_str())
            .bind(now.as_secs());
            Ok(found.fetch_one(&mut *reader).await?)
        })?;
        Ok(found > 0)
    }

    async fn trusted(
        &self,
        account: &Username,
        now: UnixTime,
    ) -> Result<Vec<TrustedBrowser>, AccountStoreError> {
        let rows: Vec<(Vec<u8>, i64, i64, i64, String)> = once!({
            let mut reader = self.read().await?;
            let rows = query_as(
                "SELECT digest, trusted_browsers.epoch, made_at, until, browser FROM trusted_browsers JOIN accounts
                 ON accounts.name = trusted_browsers.account AND accounts.epoch = trusted_browsers.epoch
                 WHERE account = $1 AND until > $2 ORDER BY made_at DESC, digest",
            )
            .bind(account.as_str())
            .bind(now.as_secs());
            Ok(rows.fetch_all(&mut *reader).await?)
        })?;
        let damaged = || Failure::Damaged("a trusted browser");
        let browsers = rows.into_iter().map(|(digest, epoch, made_at, until, browser)| {
            Ok(TrustedBrowser {
                digest: digest.try_into().map_err(|_| damaged())?,
                account: account.clone(),
                epoch: u64::try_from(epoch).map_err(|_| damaged())?,
                made_at: UnixTime::from_secs(made_at),
                until: UnixTime::from_secs(until),
                browser,
            })
        });
        Ok(browsers.collect::<Result<_, Failure>>()?)
    }

    async fn distrust(&self, account: &Username, which: Option<[u8; 32]>) -> Result<u64, AccountStoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            let gone =
                query("DELETE FROM trusted_browsers WHERE account = $1 AND ($2 IS NULL OR digest = $2)")
                    .bind(account.as_str())
                    .bind(which.map(|digest| digest.to_vec()))
                    .execute(&mut *write.0)
                    .await?;
            write.commit().await?;
            Ok(gone.rows_affected())
        })?)
    }

    async fn purge_trust(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        let statement = "DELETE FROM trusted_browsers WHERE digest IN
                         (SELECT digest FROM trusted_browsers WHERE until <= $1 LIMIT $2)";
        Ok(in_pieces(self, statement, now).await?)
    }
}
