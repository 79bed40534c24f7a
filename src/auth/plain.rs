//! Mistakes in the settings, told in plain words and one line each.

/// A figment error in `table` (empty for Rocket's own settings) as one plain line that names the key,
/// and never the value: it may be a secret.
#[must_use]
pub fn plain(table: &str, error: &rocket::figment::Error) -> String {
    use rocket::figment::error::Kind;

    // Figment puts the table behind the key instead of before it.
    let path = error.path.strip_suffix(&[table.to_owned()]).unwrap_or(&error.path);
    let path = match &error.kind {
        Kind::UnknownField(field, _) => path.strip_suffix(std::slice::from_ref(field)).unwrap_or(path),
        _ => path,
    };
    let words = std::iter::once(table).chain(path.iter().map(String::as_str));
    let key = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".");
    let problem = match &error.kind {
        Kind::UnknownField(field, known) => {
            format!("unknown key \"{field}\"; {}", hint(field, known))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("must be {expected}"),
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::MissingField(field) => format!("missing key \"{field}\""),
        // The lines with a bar repeat the file, in which a secret may stand.
        Kind::Message(text) => text.lines().filter(|line| !line.contains('|')).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    };
    if key.is_empty() { problem } else { format!("{key}: {problem}") }
}

/// The known key that was probably meant, or all of them when they are few.
fn hint(field: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|key| strsim::levenshtein(field, key));
    match nearest.filter(|key| strsim::levenshtein(field, key) <= 3) {
        Some(key) => format!("did you mean \"{key}\"?"),
        None if known.len() <= 16 => format!("known are {}", known.join(", ")),
        None => "Rocket.toml and docs/settings.md name all of them".to_owned(),
    }
}
