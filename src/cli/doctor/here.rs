//! What can be seen from here: settings, secrets, the store and the machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use portcullis::app;
use portcullis::auth::{Clock, SystemClock, chain};
use portcullis::settings::factor_key::FactorKey;
use portcullis::settings::{self, Settings};
use portcullis::store::{self, StoreUrl};
use rocket::figment::Figment;

use super::Finding;

pub(super) fn settings(figment: &Figment) -> Vec<Finding> {
    let about = "settings";
    let mut findings: Vec<_> = match app::check(figment) {
        Ok(()) => vec![Finding::fine(about, format!("they can be read, profile {}", figment.profile()))],
        Err(problems) => {
            let remedy = "docs/settings.md tells each; `portcullis init` writes a first file";
            problems.into_iter().map(|problem| Finding::problem(about, problem, remedy)).collect()
        }
    };
    let renamed = settings::load(figment).map(|settings| settings.auth.renamed().to_vec());
    for (old, new) in renamed.unwrap_or_default() {
        findings.push(Finding::note(about, format!("{old} is called {new} now"), "write the new name"));
    }
    let remarks = app::remarks(figment).unwrap_or_default();
    findings.extend(remarks.into_iter().map(|remark| Finding::note(about, remark, "")));
    let file = PathBuf::from(std::env::var("ROCKET_CONFIG").unwrap_or_else(|_| "Rocket.toml".to_owned()));
    findings.extend(readable_secrets(&file));
    findings
}

/// A file of settings that holds secrets and may be read by everybody.
fn readable_secrets(file: &Path) -> Option<Finding> {
    let text = std::fs::read_to_string(file).ok()?;
    let is_secret = |line: &str| {
        let line = line.trim_start();
        let has_password = line.split_once("://").is_some_and(|(_, rest)| {
            rest.split_once('@').is_some_and(|(user, _)| user.contains(':') && !user.contains('/'))
        });
        !line.starts_with('#')
            && (line.starts_with("secret_key ") || line.starts_with("factor_key ") || has_password)
    };
    let is_open = mode(file).is_some_and(|mode| mode & 0o007 != 0);
    (is_open && text.lines().any(is_secret)).then(|| {
        let says = format!("{} holds secrets, and everybody on this machine may read it", file.display());
        Finding::problem("secrets", says, format!("chmod o= {}", file.display()))
    })
}

pub(super) fn secrets(settings: &Settings) -> Vec<Finding> {
    let about = "secrets";
    let mut findings = Vec::new();
    if settings.auth.has_secret() {
        let says = "one secret of the settings signs everything; another one signs everybody out";
        findings.push(Finding::note(
            about,
            says,
            "auth.secret_key_file holds keys that are rotated while people stay",
        ));
    } else if let Ok(file) = settings.key_file() {
        findings.push(match file.list() {
            Ok(keys) => {
                let signing = keys.iter().find(|key| key.state == "signing");
                let what = signing.map_or("no key", |key| key.algorithm.as_str());
                match age(file.path()).filter(|age| *age > YEAR) {
                    Some(age) => Finding::warning(
                        about,
                        format!("the keys are those of {} days ago", age.as_secs() / DAY),
                        "`portcullis key rotate`; nobody is signed out",
                    ),
                    None => Finding::fine(about, format!("{what} signs, {} in the file", keys.len())),
                }
            }
            Err(problem) => Finding::problem(about, problem, "`portcullis key new` makes a first key"),
        });
    }
    if matches!(settings.factor_key, FactorKey::Missing) {
        let says = "there is no key for authenticator apps and the links in messages";
        findings.push(Finding::warning(about, says, "set app.factor_key, the same on every node"));
    }
    findings
}

pub(super) async fn store(settings: &Settings) -> Vec<Finding> {
    let about = "store";
    let stores = store::open_existing(&settings.store);
    if let Err(error) = stores.sessions.ready().await {
        let remedy = match &settings.store {
            StoreUrl::SqliteFile(_) => "`portcullis init`, or another path in app.store",
            _ => "look whether the database answers, and app.store, PGHOST and PGPASSWORD",
        };
        return vec![Finding::problem(about, chain(&error), remedy)];
    }
    let mut findings =
        vec![Finding::fine(about, "it answers, and its tables are those of this version".to_owned())];
    match store::time_of(&settings.store).await {
        Ok(Some(theirs)) => {
            let ours = SystemClock::new().now();
            let apart = ours.until(theirs).max(theirs.until(ours)).as_secs();
            findings.push(match apart {
                0..=1 => Finding::fine("clock", "it is the database's"),
                _ => Finding::warning(
                    "clock",
                    format!("it is {apart} s apart from the database's"),
                    "let both follow NTP",
                ),
            });
        }
        Ok(None) => {}
        Err(problem) => findings.push(Finding::problem("clock", problem, "")),
    }
    stores.sessions.close().await;
    findings.extend(disk(&settings.store));
    findings
}

fn disk(url: &StoreUrl) -> Option<Finding> {
    let free = store::free_room(url)? / MEBIBYTE;
    Some(match free {
        0..LITTLE_ROOM => {
            let says = format!("{free} MiB are free beside the store");
            Finding::warning("disk", says, "make room: on a full disk nobody signs in or refreshes")
        }
        _ => Finding::fine("disk", format!("{free} MiB are free beside the store")),
    })
}

pub(super) fn machine() -> Vec<Finding> {
    let about = "limits";
    let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Vec::new() };
    vec![match most {
        0..FEW_DESCRIPTORS => Finding::warning(
            about,
            format!("{most} descriptors are allowed, and each connection takes one"),
            "LimitNOFILE=65536 in the unit, or ulimit -n",
        ),
        _ => Finding::fine(about, format!("{most} descriptors are allowed")),
    }]
}

fn mode(file: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(file).ok().map(|data| data.mode())
}

/// How long ago a file was written.
fn age(file: &Path) -> Option<Duration> {
    let since = std::fs::metadata(file).ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = u64::try_from(SystemClock::new().now().as_secs()).ok()?;
    Some(Duration::from_secs(now).saturating_sub(since))
}

const DAY: u64 = 86_400;
const YEAR: Duration = Duration::from_secs(365 * DAY);
const MEBIBYTE: u64 = 1024 * 1024;
const LITTLE_ROOM: u64 = 500;
const FEW_DESCRIPTORS: u64 = 4096;
