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
struct FoundFile {
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
        let found = fs::read_dir(path)
            .map_err(|error| vec![format!("{}: cannot be read: {}", path.display(), plain(&error))])?;
        for (name, is_folder) in entries(path, found, "", &mut problems) {
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

    fn add_template(&mut self, file: FoundFile) -> Result<(), String> {
        let FoundFile { place, name, bytes } = file;
        let Some(name) = name.strip_suffix(".tera").filter(|name| name.ends_with(".html")) else {
            // Tera escapes by the end of the name.
            return Err(format!("{place}: must end in .html.tera, or what it shows would not be escaped"));
        };
        self.templates.insert(name.to_owned(), text(&place, bytes)?);
        Ok(())
    }

    fn add_text(&mut self, file: FoundFile) -> Result<(), String> {
        let FoundFile { place, name, bytes } = file;
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
fn files(path: &Path, place: &str, problems: &mut Vec<String>) -> Vec<FoundFile> {
    let entries = match fs::read_dir(path) {
        Ok(found) => entries(path, found, &format!("{place}/"), problems),
        Err(error) => {
            problems.push(format!("{place}: cannot be read: {}", plain(&error)));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (name, is_folder) in entries {
        let place = format!("{place}/{name}");
        if is_folder {
            problems.push(format!("{place}: does not belong here; there are no folders inside this one"));
            continue;
        }
        match read(&path.join(&name)) {
            Ok(bytes) => found.push(FoundFile { place, name, bytes }),
            Err(problem) => problems.push(format!("{place}: {problem}")),
        }
    }
    found
}

/// What lies in a folder, in the order of the names, and whether each is a folder.
/// Names that begin with a dot are left alone: they are of version control, of editors and of whatever mounts volumes.
fn entries(path: &Path, found: fs::ReadDir, place: &str, problems: &mut Vec<String>) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    for entry in found {
        let name = match entry {
            Ok(entry) => entry.file_name(),
            Err(error) => {
                problems.push(format!("{place}an entry cannot be read: {}", plain(&error)));
                continue;
            }
        };
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
            let name = name.to_string_lossy().escape_debug().to_string();
            problems.push(format!("{place}\"{name}\" is no name for a file here; use a-z A-Z 0-9 . _ -"));
            continue;
        };
        if !name.starts_with('.') {
            match fs::metadata(path.join(name)) {
                Ok(metadata) => all.push((name.to_owned(), metadata.is_dir())),
                Err(error) => problems.push(format!("{place}{name}: cannot be read: {}", plain(&error))),
            }
        }
    }
    all.sort();
    all
}

/// Names that need no escaping, neither in an address nor in a template.
fn is_plain(name: &str) -> bool {
    name.starts_with('.') || name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A language, and perhaps its script and region (RFC 5646); other subtags scripts may not know what to do with.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let all = |part: &str, is: fn(&u8) -> bool| part.as_bytes().iter().all(is);
    let is_first = |part: &str| (2..=3).contains(&part.len()) && all(part, u8::is_ascii_lowercase);
    let is_script = |part: &&str| part.len() == 4 && all(part, u8::is_ascii_alphabetic);
    let is_region = |part: &&str| match part.len() {
        2 => all(part, u8::is_ascii_alphabetic),
        3 => all(part, u8::is_ascii_digit),
        _ => false,
    };
    let is_language = parts.next().is_some_and(is_first);
    parts.next_if(is_script);
    parts.next_if(is_region);
    is_language && parts.next().is_none()
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
