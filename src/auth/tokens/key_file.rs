//! The file that holds the signing keys, for its owner's eyes only.
//!
//! It is either one line, an HS256 secret such as a sibling service may share, or a ring of keys in JSON,
//! which the command line writes (`portcullis key new|rotate|retire`) and a running server reads again when it changes.
//! It is replaced as a whole, so that nobody ever reads half of it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::auth::tokens::algorithm::Algorithm;
use crate::auth::tokens::guarded::{Guarded, folder, judge};
use crate::auth::tokens::keys::{RingKey, RsaKeys, generate};
use crate::auth::tokens::ring::{KeyUse, Ring};
use crate::auth::tokens::secret::Secret;
use crate::ground::clock::UnixTime;
use crate::ground::random::Random;

/// A key file, whether or not it exists yet.
///
/// ```
/// use portcullis::auth::{Algorithm, KeyFile, OsRandom};
///
/// let folder = tempfile::tempdir().unwrap();
/// let file = KeyFile::at(folder.path().join("keys.json"));
/// // The first key of a new file signs at once, a second one after the next rotation.
/// file.add(Algorithm::EdDSA, &OsRandom).unwrap();
/// file.add(Algorithm::EdDSA, &OsRandom).unwrap();
/// let states: Vec<_> = file.list().unwrap().iter().map(|key| key.state).collect();
/// assert_eq!(states, ["signing", "next"]);
/// ```
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    rsa: RsaKeys,
}

/// A key as the command line lists it; nothing secret is in it.
///
/// ```
/// use portcullis::auth::{Algorithm, KeyFile, OsRandom, UnixTime};
/// use std::time::Duration;
///
/// let folder = tempfile::tempdir().unwrap();
/// let file = KeyFile::at(folder.path().join("keys.json"));
/// let old = file.add(Algorithm::ES256, &OsRandom).unwrap();
/// let new = file.rotate(UnixTime::from_secs(1_700_000_000), Duration::from_secs(600), &OsRandom).unwrap();
/// assert_eq!((new.algorithm, new.state, new.until), (Algorithm::ES256, "signing", None));
/// let replaced = file.list().unwrap().into_iter().find(|key| key.id == old.id).unwrap();
/// assert_eq!((replaced.state, replaced.until), ("verifying", Some(UnixTime::from_secs(1_700_000_600))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its name, the tokens' `kid`.
    pub id: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// "signing", "next", or "verifying".
    pub state: &'static str,
    /// Until when a replaced key verifies.
    pub until: Option<UnixTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    alg: Algorithm,
    /// A secret, or a PKCS#8 private key in PEM.
    key: String,
    state: EntryState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntryState {
    Signing,
    Next,
    Verifying,
}

impl KeyFile {
    /// The key file at this path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, rsa: RsaKeys::default() }
    }

    /// Takes these RSA keys.
    #[must_use]
    pub fn taking(self, rsa: RsaKeys) -> Self {
        Self { rsa, ..self }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// One line for the operator when the file cannot be read, is open to others, or holds an unfit key.
    pub(crate) fn load(&self) -> Result<Ring, String> {
        self.ring(&self.read()?)
    }

    /// Makes the file with a secret of its own when there is none.
    pub(crate) fn make_if_missing(&self, random: &dyn Random) -> Result<(), String> {
        if self.path.exists() {
            return Ok(());
        }
        self.make_folder()?;
        let text = draw_secret(random)?;
        self.write(&text, random, Existing::Keep)
    }

    /// A file of ours that holds one secret for another purpose than tokens, made when it is missing.
    #[cfg(feature = "app")]
    pub(crate) fn secret(&self, random: &dyn Random) -> Result<Vec<u8>, String> {
        self.make_if_missing(random)?;
        let first = self.read()?.keys.into_iter().next();
        first.map(|entry| entry.key.into_bytes()).ok_or_else(|| self.line("it holds no secret"))
    }

    /// The keys, in the file's order.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn list(&self) -> Result<Vec<ListedKey>, String> {
        let entries = self.read()?;
        entries.keys.iter().map(|entry| self.listed(entry)).collect()
    }

    /// Adds a key that will sign after the next rotation; the first key of a new file signs at once.
    ///
    /// # Errors
    /// One line for the operator when the file cannot be read or written, or no key can be made.
    pub fn add(&self, algorithm: Algorithm, random: &dyn Random) -> Result<ListedKey, String> {
        let mut entries = if self.path.exists() {
            self.read()?
        } else {
            self.make_folder()?;
            Entries { keys: Vec::new() }
        };
        if entries.keys.iter().any(|entry| entry.state == EntryState::Next) {
            return Err(self.line("there is a next key already; rotate to it, or retire it first"));
        }
        let state = if entries.keys.is_empty() { EntryState::Signing } else { EntryState::Next };
        let entry = Entry { alg: algorithm, key: make(algorithm, random)?, state, until: None };
        let listed = self.listed(&entry)?;
        entries.keys.push(entry);
        self.replace(&entries, random)?;
        Ok(listed)
    }

    /// Lets the next key sign, or a new one of the same algorithm; the replaced key verifies for `overlap` more.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn rotate(&self, now: UnixTime, overlap: Duration, random: &dyn Random) -> Result<ListedKey, String> {
        let mut entries = self.read()?;
        entries.keys.retain(|entry| entry.until.is_none_or(|until| now.as_secs() < until));
        let mut algorithm = Algorithm::HS256;
        for entry in &mut entries.keys {
            if entry.state == EntryState::Signing {
                algorithm = entry.alg;
                entry.state = EntryState::Verifying;
                entry.until = Some((now + overlap).as_secs());
            }
        }
        if !entries.keys.iter().any(|entry| entry.state == EntryState::Next) {
            let key = make(algorithm, random)?;
            entries.keys.push(Entry { alg: algorithm, key, state: EntryState::Next, until: None });
        }
        let mut listed = Err(self.line("there is no key to rotate to"));
        if let Some(next) = entries.keys.iter_mut().find(|entry| entry.state == EntryState::Next) {
            next.state = EntryState::Signing;
            listed = self.listed(next);
        }
        self.replace(&entries, random)?;
        listed
    }

    /// Removes a key; its tokens are refused from now on. The signing key cannot be removed, only rotated away.
    ///
    /// # Errors
    /// As [`add`](Self::add), and when there is no such key or it signs.
    pub fn retire(&self, id: &str, random: &dyn Random) -> Result<(), String> {
        let mut entries = self.read()?;
        let listed = entries.keys.iter().map(|entry| self.listed(entry)).collect::<Result<Vec<_>, _>>()?;
        let index =
            listed.iter().position(|key| key.id == id).ok_or_else(|| self.line("there is no such key"))?;
        if listed.get(index).is_some_and(|key| key.state == "signing") {
            return Err(self.line("this key signs; rotate first"));
        }
        entries.keys.remove(index);
        self.replace(&entries, random)
    }

    fn read(&self) -> Result<Entries, String> {
        let text = fs::read_to_string(&self.path).map_err(|error| self.line(error))?;
        judge(&self.path, Guarded::Keys).map_err(|problem| self.line(problem))?;
        let beside = folder(&self.path);
        judge(beside, Guarded::Folder)
            .map_err(|problem| self.line(format!("its folder {}: {problem}", beside.display())))?;
        let text = text.trim();
        if !text.starts_with('{') {
            let key = text.to_owned();
            return Ok(Entries {
                keys: vec![Entry { alg: Algorithm::HS256, key, state: EntryState::Signing, until: None }],
            });
        }
        // Where in the file the mistake is, but nothing of what stands there.
        serde_json::from_str(text).map_err(|error| {
            self.line(format!("not a ring of keys (line {}, column {})", error.line(), error.column()))
        })
    }

    fn ring(&self, entries: &Entries) -> Result<Ring, String> {
        let keys = entries.keys.iter().map(|entry| {
            let role = match entry.state {
                EntryState::Signing => KeyUse::Signing,
                EntryState::Next => KeyUse::Next,
                EntryState::Verifying => {
                    KeyUse::Verifying(UnixTime::from_secs(entry.until.unwrap_or(i64::MAX)))
                }
            };
            self.key(entry).map(|key| (key, role))
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ring::new(keys).ok_or_else(|| self.line("exactly one key must sign, and no two may be the same"))
    }

    fn key(&self, entry: &Entry) -> Result<RingKey, String> {
        let text = Secret::unchecked(entry.key.clone());
        let key = if entry.alg.is_symmetric() {
            RingKey::from_secret(entry.alg, &text)
        } else {
            RingKey::from_pem(entry.alg, &text, self.rsa)
        };
        key.map_err(|error| self.line(error))
    }

    fn listed(&self, entry: &Entry) -> Result<ListedKey, String> {
        let state = match entry.state {
            EntryState::Signing => "signing",
            EntryState::Next => "next",
            EntryState::Verifying => "verifying",
        };
        let until = entry.until.map(UnixTime::from_secs);
        Ok(ListedKey { id: self.key(entry)?.id().to_owned(), algorithm: entry.alg, state, until })
    }

    fn replace(&self, entries: &Entries, random: &dyn Random) -> Result<(), String> {
        // What is written must be readable: a mistake here would stop the next launch.
        self.ring(entries)?;
        let text = serde_json::to_string_pretty(entries).map_err(|error| self.line(error))?;
        self.write(&text, random, Existing::Replace)
    }

    /// Writes the whole file beside itself, durably, and then puts it in place.
    fn write(&self, text: &str, random: &dyn Random, existing: Existing) -> Result<(), String> {
        let mut suffix = [0; 8];
        random.fill(&mut suffix).map_err(|error| self.line(error))?;
        let beside = self.path.with_extension(format!("{:016x}.tmp", u64::from_be_bytes(suffix)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&beside).and_then(|mut file| {
            writeln!(file, "{text}")?;
            file.sync_all()?;
            match existing {
                Existing::Replace => fs::rename(&beside, &self.path),
                // Of two programs that start together, both go on with the first one's file.
                Existing::Keep => match fs::hard_link(&beside, &self.path) {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                    _ => fs::remove_file(&beside),
                },
            }?;
            // The name must last as the keys do: no token may be signed with a key that a power cut takes back.
            #[cfg(unix)]
            fs::File::open(self.folder().unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(())
        });
        written.map_err(|error| {
            // Nothing is lost with it: it holds what could not be put in place.
            let _ = fs::remove_file(&beside);
            self.line(error)
        })
    }

    /// The folder that the path names; none is the working directory.
    fn folder(&self) -> Option<&Path> {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    fn make_folder(&self) -> Result<(), String> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| self.line(error))
    }

    /// Judges the file and its keys; there may be none yet.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn check(&self) -> Result<(), String> {
        if self.path.exists() { self.load().map(drop) } else { Ok(()) }
    }

    fn line(&self, problem: impl std::fmt::Display) -> String {
        format!("key file {}: {problem}", self.path.display())
    }
}

/// What to do when the file is there already.
#[derive(Clone, Copy)]
enum Existing {
    Keep,
    Replace,
}

/// A ring with a secret that nobody keeps.
pub(crate) fn ephemeral(random: &dyn Random) -> Result<Ring, String> {
    let secret = Secret::new(draw_secret(random)?).map_err(|error| error.to_string())?;
    RingKey::from_secret(Algorithm::HS256, &secret).map(Ring::of).map_err(|error| error.to_string())
}

fn make(algorithm: Algorithm, random: &dyn Random) -> Result<String, String> {
    if algorithm.is_symmetric() {
        return draw_secret(random);
    }
    generate(algorithm).map(|pem| pem.as_str().to_owned()).map_err(|error| error.to_string())
}

/// 48 random bytes as base64url text of 64 characters, enough for every HMAC here,
/// so that a sibling service can be given the same text.
fn draw_secret(random: &dyn Random) -> Result<String, String> {
    let mut bytes = [0; 48];
    random.fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
