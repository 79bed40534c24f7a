//! The SQL of authenticator apps, inside the transactions of [`factors`](super::factors).

use super::{Connection, Failure, query_as};
use crate::auth::UnixTime;
use crate::users::{FactorId, KeptFactor, Username};

/// Those of an account, confirmed or not, oldest first.
pub(super) async fn of(database: &mut Connection, account: &Username) -> Result<Vec<KeptFactor>, Failure> {
    let rows: Vec<FactorRow> = query_as(
        "SELECT id, account, label, made_at, confirmed_at, used_at, sealed, last_step FROM factors
         WHERE account = $1 AND kind = 'totp' ORDER BY made_at, id",
    )
    .bind(account.as_str())
    .fetch_all(database)
    .await?;
    rows.into_iter().map(KeptFactor::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct FactorRow {
    id: Vec<u8>,
    account: String,
    label: String,
    made_at: i64,
    confirmed_at: Option<i64>,
    used_at: Option<i64>,
    sealed: Vec<u8>,
    last_step: i64,
}

impl TryFrom<FactorRow> for KeptFactor {
    type Error = Failure;

    fn try_from(row: FactorRow) -> Result<Self, Failure> {
        let id = <[u8; 16]>::try_from(row.id.as_slice()).map_err(|_| Failure::Damaged("a factor's id"))?;
        Ok(Self {
            id: FactorId::from_bytes(id),
            account: row.account.parse().map_err(|_| Failure::Damaged("whose a factor is"))?,
            label: row.label,
            made_at: UnixTime::from_secs(row.made_at),
            confirmed_at: row.confirmed_at.map(UnixTime::from_secs),
            used_at: row.used_at.map(UnixTime::from_secs),
            sealed: row.sealed,
            last_step: u64::try_from(row.last_step).map_err(|_| Failure::Damaged("a factor's step"))?,
        })
    }
}
