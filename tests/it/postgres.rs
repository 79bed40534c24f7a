//! Databases in the PostgreSQL server that `scripts/test` starts, one for each test.

mod alerts;
mod clocks;
mod cluster;
mod failover;
mod faults;
mod hint;
mod log;
mod moving;
pub(crate) mod nodes;
mod own_server;
mod pooler;
pub(crate) mod proxy;

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis::store::{Stores, open};

/// A database in which nothing is; its URL.
pub(crate) fn fresh() -> String {
    let server = std::env::var("POSTGRES_URL").expect("POSTGRES_URL is not set; run scripts/test");
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    sql(&format!("{server}/postgres"), &format!("CREATE DATABASE {name}"));
    format!("{server}/{name}")
}

/// The stores in such a database.
pub(crate) fn stores() -> Stores {
    open(&fresh().parse().unwrap())
}

/// What PostgreSQL's own client answers to a statement.
#[track_caller]
pub(crate) fn sql(url: &str, statement: &str) -> String {
    let output = Command::new("psql").args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-c", statement, url]).output();
    let output = output.expect("psql is not there; run scripts/test");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

static COUNT: AtomicU32 = AtomicU32::new(0);
