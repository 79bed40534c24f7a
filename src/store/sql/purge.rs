//! Forgetting what is over, in pieces so small that whoever signs in meanwhile does not wait for it.

use super::{Driver, Failure, query};
use crate::auth::UnixTime;
use crate::store::again::Disturbance;

/// Deletes what a statement finds, piece by piece; it takes a moment and the size of a piece.
pub(super) async fn in_pieces(
    driver: &Driver,
    statement: &'static str,
    moment: UnixTime,
) -> Result<(), Failure> {
    loop {
        match piece(driver, statement, moment).await {
            Ok(gone) if gone < PIECE => return Ok(()),
            Ok(_) => tokio::time::sleep(BETWEEN_PIECES).await,
            // Another node is at it.
            Err(failure) if failure.is_passing() => return Ok(()),
            Err(failure) => return Err(failure),
        }
    }
}

async fn piece(driver: &Driver, statement: &'static str, moment: UnixTime) -> Result<u64, Failure> {
    let mut write = driver.write_rows().await?;
    let gone = query(statement)
        .bind(moment.as_secs())
        .bind(i64::try_from(PIECE).unwrap_or(i64::MAX))
        .execute(&mut *write.0)
        .await?
        .rows_affected();
    if gone > 0 {
        write.commit().await?;
    }
    Ok(gone)
}

/// A few milliseconds of work.
const PIECE: u64 = 500;
/// So that a backlog takes a fifth of a core and not half of one.
const BETWEEN_PIECES: std::time::Duration = std::time::Duration::from_millis(20);
