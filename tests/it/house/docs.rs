//! Every public type of the library shows how it is used, in an example that runs: held against the sources.

use std::fs;
use std::path::Path;

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).unwrap()
}

/// What `src/auth/mod.rs` exports: the file of each name under `src/auth/`, and the name.
fn exports() -> Vec<(String, String)> {
    let text = source("auth/mod.rs");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let exported = code.split(';').filter_map(|statement| statement.trim().strip_prefix("pub use "));
    let mut found = Vec::new();
    for (module, names) in
        exported.map(|path| path.split_once("::{").or_else(|| path.rsplit_once("::")).unwrap())
    {
        let module = module.replace("::", "/");
        for name in names.trim_matches(['{', '}']).split(',').map(str::trim).filter(|name| !name.is_empty()) {
            assert!(name.chars().all(char::is_alphanumeric) || !is_type(name), "{name} is not a plain name");
            let file = match module.strip_prefix("crate/") {
                Some(elsewhere) => format!("{elsewhere}.rs"),
                None => format!("auth/{module}.rs"),
            };
            found.push((file, name.to_owned()));
        }
    }
    found
}

fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// The name of the public type that a line at the left margin declares.
fn declared(line: &str) -> Option<&str> {
    let rest = ["pub struct ", "pub enum ", "pub trait "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|letter: char| !letter.is_alphanumeric()).next()
}

/// The public types of a file, each with the doc comment directly above it.
fn types(path: &str) -> Vec<(String, String)> {
    let text = source(path);
    let mut found = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        if let Some(doc) = line.strip_prefix("///") {
            comment.push_str(doc.trim());
            comment.push('\n');
        } else if let Some(name) = declared(line) {
            found.push((name.to_owned(), std::mem::take(&mut comment)));
        } else if line.is_empty() || line.starts_with("pub ") || line.starts_with('}') {
            // Attributes may stand between a comment and its type; nothing else may.
            comment.clear();
        }
    }
    found
}

/// The words after the opening fence of every example; empty for one that runs.
fn examples(comment: &str) -> Vec<&str> {
    comment.lines().filter_map(|line| line.strip_prefix("```")).step_by(2).collect()
}

fn assert_shown(path: &str, name: &str, comment: &str) {
    assert!(examples(comment).contains(&""), "{name} in src/{path} has no example that runs");
}

#[test]
fn every_exported_type_has_an_example() {
    let mut count = 0;
    for (path, name) in exports().into_iter().filter(|(_, name)| is_type(name)) {
        if source(&path).contains(&format!("pub type {name} ")) {
            continue;
        }
        let types = types(&path);
        let (_, comment) = types.iter().find(|(known, _)| *known == name).expect(&name);
        assert_shown(&path, &name, comment);
        count += 1;
    }
    assert!(count > 60, "only {count} types were found: this test looks for the wrong text");
}

#[test]
fn every_type_of_the_public_modules_has_an_example() {
    let modules = [
        "auth/sessions/event.rs",
        "auth/sessions/rotation.rs",
        "store/mod.rs",
        "testing.rs",
        "testing/visitor.rs",
    ];
    let accounts = [
        "account", "accounts", "code", "codes", "password", "policy", "roles", "sign_in", "throttle",
        "username",
    ];
    let accounts = accounts.map(|name| format!("users/{name}.rs"));
    for path in modules.into_iter().chain(accounts.iter().map(String::as_str)) {
        let types = types(path);
        assert!(!types.is_empty(), "src/{path} declares no type");
        for (name, comment) in types {
            assert_shown(path, &name, &comment);
        }
    }
}
