//! `portcullis doctor`: what is wrong with this installation, and what to do about it.
//!
//! It looks at what `check-config` cannot know from the settings alone: files, disk, limits, the store and its clock, and what
//! the proxy makes of a request to `app.base_url`. It changes nothing but, as every command does, tables of an older version,
//! and sends mail only when it is told to whom.
//! Each finding says what it is about and what to do; scripts read its exit status, which is that of the worst: 0 where
//! nothing is wrong, 1 otherwise.

mod edge;
mod here;
mod post;

use std::path::PathBuf;

use clap::Args;
use portcullis::settings;
use serde_json::json;

use super::{Problems, tell};

/// How to look.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Send a message to this address.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// Believe the authorities in this file, certificates in PEM, about app.base_url, instead of the public ones; by default
    /// the file that SSL_CERT_FILE names, if it names one.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Ask nobody for app.base_url.
    #[arg(long)]
    offline: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Fine,
    /// Worth knowing.
    Note,
    /// It works, and should not stay so.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

/// What was found.
#[derive(Debug)]
struct Finding {
    about: &'static str,
    weight: Weight,
    says: String,
    /// What to do.
    remedy: String,
}

impl Finding {
    fn fine(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, weight: Weight::Fine, says: says.into(), remedy: String::new() }
    }

    fn note(about: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, weight: Weight::Note, says: says.into(), remedy: remedy.into() }
    }

    fn warning(about: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::note(about, says, remedy) }
    }

    fn problem(about: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Problem, ..Self::note(about, says, remedy) }
    }
}

impl Weight {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "PROBLEM",
        }
    }
}

pub(crate) async fn run(arguments: DoctorArguments) -> Result<(), Problems> {
    let figment = settings::figment();
    let mut findings = here::settings(&figment);
    // What the settings do not say, nobody can look at.
    if let Ok(settings) = settings::load(&figment) {
        findings.extend(here::secrets(&settings));
        findings.extend(here::store(&settings).await);
        findings.extend(here::machine());
        findings.extend(edge::fitting(&settings, &figment));
        if !arguments.offline {
            let ca = arguments.ca.or_else(|| std::env::var_os("SSL_CERT_FILE").map(PathBuf::from));
            findings.extend(edge::asked(&settings, ca).await);
        }
        if let Some(to) = &arguments.mail {
            findings.push(post::sent(&settings, to).await);
        }
    }
    for Finding { about, weight, says, remedy } in &findings {
        let found = weight.as_str();
        let to_do = if remedy.is_empty() { String::new() } else { format!("\n         -> {remedy}") };
        let line = format!("{found:8} {about}: {says}{to_do}");
        tell(
            line,
            &json!({ "found": found.to_lowercase(), "about": about, "says": says, "remedy": remedy }),
        )?;
    }
    match findings.iter().filter(|finding| finding.weight == Weight::Problem).count() {
        0 => Ok(()),
        1 => Err(vec!["1 problem was found.".to_owned()]),
        several => Err(vec![format!("{several} problems were found.")]),
    }
}
