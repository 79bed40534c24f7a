//! The theme's folder as it lies on disk: read once, at launch, into memory.
//!
//! Nothing is looked up by a request's path afterwards, so no name can lead out of the folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The files of a theme by name, each kind for itself.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// `login.html` and so on, without `.tera`.
    pub(super) templates: BTreeMap<String, String>,
    pub(super) assets: BTreeMap<String, Vec<u8>>,
    /// By the tag of the language.
    pub(super) texts: BTreeMap<String, String>,
}

/// A file, by the name that lines about it begin with, such as `static/portcullis.css`.
struct Found {
    place: String,
    name: String,
    bytes: Vec<u8>,
}

impl Folder {
    /// Reads the folder.
    ///
    /// # Errors
    /// One line for each file that has no place in a theme or cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<String>> {
        let mut folder = Self::default();
        let mut problems = Vec::new();
        for (name, is_folder) in
            entries(path, "").map_err(|line| vec![format!("{}: {line}", path.display())])?
        {
            let inside = path.join(&name);
            match (name.as_str(), is_folder) {
                ("templates", true) => {
                    for file in files(&inside, "templates", &mut problems) {
                        folder.add_template(file).unwrap_or_else(|line| problems.push(line));
                    }
                }
                ("static", true) => {
                    let found = files(&inside, "static", &mut problems);
                    folder.assets.extend(found.into_iter().map(|file| (file.name, file.bytes)));
                }
                ("text", true) => {
                    for file in files(&inside, "text", &mut problems) {
                        folder.add_text(file).unwrap_or_else(|line| problems.push(line));
                    }
                }
                _ => problems.push(format!(
                    "{name}: does not belong here; a theme has the folders templates, static and text"
                )),
            }
        }
        if problems.is_empty() { Ok(folder) } else { Err(problems) }
    }

    fn add_template(&mut self, file: Found) -> Result<(), String> {
        let Found { place, name, bytes } = file;
        let Some(name) = name.strip_suffix(".tera").filter(|name| name.ends_with(".html")) else {
            // Tera escapes by the end of the name.
            return Err(format!("{place}: must end in .html.tera, or what it shows would not be escaped"));
        };
        self.templates.insert(name.to_owned(), text(&place, bytes)?);
        Ok(())
    }

    fn add_text(&mut self, file: Found) -> Result<(), String> {
        let Found { place, name, bytes } = file;
        let language = name.strip_suffix(".json").filter(|language| is_language(language));
        let Some(language) = language else {
            return Err(format!("{place}: must be called by its language, as in fr.json or pt-BR.json"));
        };
        self.texts.insert(language.to_owned(), text(&place, bytes)?);
        Ok(())
    }
}

/// A file that a setting names on its own.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let problem = |error: std::io::Error| format!("cannot be read: {}", plain(&error));
    let metadata = fs::metadata(path).map_err(problem)?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(problem)?;
    if bytes.len() as u64 > MAX_BYTES { Err("is larger than 2 MiB".to_owned()) } else { Ok(bytes) }
}

/// All files of a folder in which only files belong.
fn files(path: &Path, place: &str, problems: &mut Vec<String>) -> Vec<Found> {
    let entries = entries(path, place).unwrap_or_else(|line| {
        problems.push(line);
        Vec::new()
    });
    let mut found = Vec::new();
    for (name, is_folder) in entries {
        let place = format!("{place}/{name}");
        if is_folder {
            problems.push(format!("{place}: does not belong here; there are no folders inside this one"));
            continue;
        }
        match read(&path.join(&name)) {
            Ok(bytes) => found.push(Found { place, name, bytes }),
            Err(problem) => problems.push(format!("{place}: {problem}")),
        }
    }
    found
}

/// What lies in a folder, in the order of the names, and whether each is a folder.
/// Names that begin with a dot are left alone: they are of version control, of editors and of whatever mounts volumes.
fn entries(path: &Path, place: &str) -> Result<Vec<(String, bool)>, String> {
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let problem = |error: std::io::Error| format!("{place}cannot be read: {}", plain(&error));
    let mut all = Vec::new();
    for entry in fs::read_dir(path).map_err(problem)? {
        let name = entry.map_err(problem)?.file_name();
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
            let name = name.to_string_lossy().escape_debug().to_string();
            return Err(format!("{place}\"{name}\" is no name for a file here; use a-z A-Z 0-9 . _ -"));
        };
        if !name.starts_with('.') {
            let metadata = fs::metadata(path.join(name)).map_err(problem)?;
            all.push((name.to_owned(), metadata.is_dir()));
        }
    }
    all.sort();
    Ok(all)
}

/// Names that need no escaping, neither in an address nor in a template.
fn is_plain(name: &str) -> bool {
    name.starts_with('.') || name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A language, and perhaps its script or region (RFC 5646).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parts
        .next()
        .is_some_and(|first| (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase()))
        && parts.all(|part| (2..=8).contains(&part.len()) && is_word(part))
}

fn text(place: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("{place}: is not UTF-8"))
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let said = error.to_string();
    said.split(" (os error").next().unwrap_or_default().to_lowercase()
}

const MAX_BYTES: u64 = 2 * 1024 * 1024;
