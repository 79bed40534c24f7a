//! The file that holds the signing secret: one line of text, for its owner's eyes only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::keys::Secret;
use crate::auth::random::Random;

/// Reads the secret.
///
/// # Errors
/// One line for the operator when the file cannot be read, is open to others, or holds too short a secret.
pub(crate) fn load(path: &Path) -> Result<Secret, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("key file {name}: {error}"))?;
    refuse_if_open(path)?;
    Secret::new(text.trim().to_owned()).map_err(|error| format!("key file {name}: the secret {error}"))
}

/// Reads the secret, or makes one when there is no such file.
pub(crate) fn load_or_make(path: &Path, random: &dyn Random) -> Result<Secret, String> {
    let name = path.display();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| format!("key file {name}: {error}"))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return load(path),
        Err(error) => return Err(format!("key file {name}: {error}")),
    };
    let text = draw(random)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    written.map_err(|error| format!("key file {name}: {error}"))?;
    Secret::new(text).map_err(|error| error.to_string())
}

/// Makes a secret that nobody keeps.
pub(crate) fn make(random: &dyn Random) -> Result<Secret, String> {
    Secret::new(draw(random)?).map_err(|error| error.to_string())
}

/// 48 random bytes as base64url text, so that a sibling service can be given the same text.
fn draw(random: &dyn Random) -> Result<String, String> {
    let mut bytes = [0; 48];
    random.fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(unix)]
fn refuse_if_open(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;

    let name = path.display();
    let mode = fs::metadata(path).map_err(|error| format!("key file {name}: {error}"))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("key file {name}: others may read it (mode {:o}); run chmod 600", mode & 0o777))
}

#[cfg(not(unix))]
fn refuse_if_open(_: &Path) -> Result<(), String> {
    Ok(())
}
