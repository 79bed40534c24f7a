//! Mail: addresses, links, and what becomes of messages.

mod command_line;
mod joining;
pub(crate) mod journeys;
mod kills;
mod leaving;
mod links;
mod sending;
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::support::Setup;

/// Where messages of a test are laid.
pub(crate) struct Letterbox(TempDir);

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// The origin of links.
pub(crate) const ORIGIN: &str = "https://portcullis.example";

impl Letterbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// What the settings call it.
    pub(crate) fn route(&self) -> String {
        format!("file:{}", self.0.path().display())
    }

    /// An application whose messages are laid here.
    pub(crate) fn setup(&self) -> Setup {
        Setup::new()
            .set("app.base_url", ORIGIN)
            .set("app.mail", self.route())
            .set("app.mail_from", "login@portcullis.example")
    }

    /// The messages of this subject that are there.
    pub(crate) fn of(&self, subject: &str) -> Vec<Arrived> {
        let all = arrived(self.0.path());
        all.into_iter().filter(|arrived| arrived.subject() == subject).collect()
    }

    /// The same, once there are so many.
    #[expect(clippy::disallowed_methods, reason = "another thread is waited for by the machine's clock")]
    pub(crate) fn wait_for(&self, number: usize, subject: &str) -> Vec<Arrived> {
        let start = Instant::now();
        loop {
            let arrived = self.of(subject);
            assert!(arrived.len() <= number, "{arrived:?}");
            if arrived.len() == number {
                return arrived;
            }
            let patience = Duration::from_secs(10);
            assert!(start.elapsed() < patience, "{number} of {subject:?} do not come: {arrived:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The only message of this subject, which is taken out.
    pub(crate) fn take(&self, subject: &str) -> Arrived {
        let arrived = self.wait_for(1, subject).remove(0);
        let id = arrived.header("Message-ID").trim_start_matches('<').split('@').next().unwrap().to_owned();
        std::fs::remove_file(self.0.path().join(format!("{id}.eml"))).unwrap();
        arrived
    }
}

/// Subjects of messages.
pub(crate) const CONFIRM: &str = "Is this your address?";
pub(crate) const RESET: &str = "Choose a new password";
pub(crate) const CHANGED: &str = "Your password was changed";
pub(crate) const MOVED: &str = "Your account has another address";

pub(crate) fn arrived(folder: &Path) -> Vec<Arrived> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .map(|path| Arrived::parse(&std::fs::read_to_string(path).unwrap()))
        .collect();
    all.sort_by(|a, b| a.headers.cmp(&b.headers));
    all
}

impl Arrived {
    pub(crate) fn parse(text: &str) -> Self {
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        let headers = headers.replace("\r\n ", " ");
        let is_quoted = headers.contains("Content-Transfer-Encoding: quoted-printable");
        let body = if is_quoted { unquoted(body) } else { body.to_owned() };
        Self { headers, body: body.replace("\r\n", "\n") }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        let lines: Vec<_> = self.headers.split("\r\n").filter_map(|line| line.strip_prefix(&start)).collect();
        assert_eq!(lines.len(), 1, "{name} in {}", self.headers);
        lines[0]
    }

    /// What it is about.
    pub(crate) fn subject(&self) -> String {
        let mut told = String::new();
        // Words beyond ASCII are encoded (RFC 2047).
        for part in self.header("Subject").split("=?utf-8?b?") {
            let (encoded, plain) = part.split_once("?=").unwrap_or(("", part));
            told.push_str(&String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap());
            told.push_str(plain);
        }
        told
    }

    /// The path of its link, which stands on a line of its own.
    pub(crate) fn link(&self) -> String {
        let start = format!("{ORIGIN}/link/");
        let lines: Vec<_> = self.body.lines().filter(|line| line.contains("/link/")).collect();
        assert_eq!(lines.len(), 1, "{}", self.body);
        assert!(lines[0].starts_with(&start) && lines[0].len() < 70, "{}", lines[0]);
        lines[0].strip_prefix(ORIGIN).unwrap().to_owned()
    }
}

/// Quoted-printable (RFC 2045 §6.7).
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match (*first, rest) {
            (b'=', [b'\r', b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = after;
            }
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
