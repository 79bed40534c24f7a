//! The theme's words: single texts of a language that is known, or all texts of a new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::routes::view::words::Catalogues;

/// Adds the texts of a theme, by language, to the catalogues.
///
/// # Errors
/// One line for each text that is unknown, missing or has other places to fill than ours.
pub(super) fn add(catalogues: &mut Catalogues, texts: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    if texts.is_empty() {
        return Ok(());
    }
    let Some((_, english)) = catalogues.iter().next() else { return Ok(()) };
    let english = english.clone();
    let known = leaves(&english);
    let mut problems = Vec::new();
    for (language, text) in texts {
        let own: Value = match serde_json::from_str(text) {
            Ok(own) => own,
            Err(error) => {
                problems.push(format!("text/{language}.json:{}", position(&error)));
                continue;
            }
        };
        let own = leaves(&own);
        let is_new = catalogues.iter().all(|(tag, _)| tag != language);
        let mut found = judge(&own, &known);
        let missing: Vec<_> = known.keys().filter(|key| !own.contains_key(*key)).collect();
        if let (true, Some(first)) = (is_new, missing.first()) {
            let count = missing.len();
            found.push(format!(
                "a new language needs every text; {count} are missing, the first is \"{first}\""
            ));
        }
        if !found.is_empty() {
            problems.extend(found.into_iter().map(|line| format!("text/{language}.json: {line}")));
            continue;
        }
        let mut catalogue = catalogues
            .iter()
            .find(|(tag, _)| tag == language)
            .map_or_else(|| english.clone(), |(_, catalogue)| catalogue.clone());
        for (key, value) in own {
            if let Some(place) = catalogue.pointer_mut(&format!("/{}", key.replace('.', "/"))) {
                *place = value.clone();
            }
        }
        catalogues.put(language.clone(), catalogue);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A line for each text that cannot stand for ours.
fn judge(own: &BTreeMap<String, &Value>, known: &BTreeMap<String, &Value>) -> Vec<String> {
    let line = |(key, value): (&String, &&Value)| {
        let Some(ours) = known.get(key).and_then(|ours| ours.as_str()) else {
            let nearest = known.keys().min_by_key(|known| strsim::damerau_levenshtein(known, key));
            let nearest = nearest.filter(|known| strsim::damerau_levenshtein(known, key) <= 3);
            let hint = nearest.map_or_else(String::new, |known| format!("; did you mean \"{known}\"?"));
            return Some(format!("unknown text \"{key}\"{hint}"));
        };
        let Some(text) = value.as_str() else { return Some(format!("\"{key}\" must be a text")) };
        let (ours, theirs) = (places(ours), places(text));
        if ours == theirs {
            return None;
        }
        let list = |places: &BTreeSet<&str>| {
            let all: Vec<_> = places.iter().map(|place| format!("{{{place}}}")).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        Some(format!("\"{key}\" has the places to fill {}, and must have {}", list(&theirs), list(&ours)))
    };
    own.iter().filter_map(line).collect()
}

/// Everything that is no object, by its path.
fn leaves(value: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.iter().map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                (path, value)
            })),
            _ => drop(found.insert(path, value)),
        }
    }
    found
}

/// The names between braces.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(place, _)| place).collect()
}

/// Line, column and words of a mistake in JSON.
fn position(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or_default();
    format!("{}:{}: {what}", error.line(), error.column())
}
