//! What is asked of somebody at a terminal, and what is taken where nobody sits there.

use std::io::{BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::path::Path;

use super::super::Problems;

/// What was said, and after [`complete`](Self::complete) what is to be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) base_url: Option<String>,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) store: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) mail_from: Option<String>,
}

impl Wanted {
    /// Asks for what was not said.
    pub(super) fn complete(mut self, data: &Path) -> Result<Self, Problems> {
        let base_url = asked(self.base_url, "--base-url", "The address that people type (https://…)", None)?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        let is_local = base_url == "http://localhost" || base_url.starts_with("http://localhost:");
        if !base_url.starts_with("https://") && !is_local {
            return Err(vec![
                "--base-url: must begin with https://, because browsers keep cookies of a session from plain HTTP"
                    .to_owned(),
            ]);
        }
        let file = format!("sqlite:{}", data.join("portcullis.db").display());
        self.store = Some(asked(self.store, "--store", "The store", Some(&file))?);
        let mail = asked(self.mail, "--mail", "The mail server (smtps://…, or none)", Some("none"))?;
        if mail != "none" {
            let host = base_url.split_once("://").map_or("", |(_, host)| host);
            let from = format!("login@{}", host.split(':').next().unwrap_or(host));
            self.mail_from = Some(asked(self.mail_from, "--mail-from", "Messages are from", Some(&from))?);
        }
        self.mail = Some(mail);
        self.base_url = Some(base_url);
        Ok(self)
    }
}

/// The name of the first administrator.
pub(super) fn admin(said: Option<String>) -> Result<String, Problems> {
    asked(said, "--admin", "The name of the first administrator", Some("admin"))
}

/// What was said; else what somebody at a terminal says; else the default.
fn asked(
    said: Option<String>,
    flag: &str,
    question: &str,
    default: Option<&str>,
) -> Result<String, Problems> {
    if let Some(said) = said {
        return Ok(said);
    }
    if !std::io::stdin().is_terminal() {
        return default.map(str::to_owned).ok_or_else(|| vec![format!("{flag}: needed")]);
    }
    let hint = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    let failed = |error: std::io::Error| vec![format!("{flag}: {error}")];
    loop {
        // Questions are no answer: whoever keeps what is said does not keep them.
        write!(std::io::stderr(), "{question}{hint}: ").map_err(failed)?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).map_err(failed)? == 0 {
            return Err(vec![format!("{flag}: needed")]);
        }
        match (line.trim(), default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => {}
            (text, _) => return Ok(text.to_owned()),
        }
    }
}
