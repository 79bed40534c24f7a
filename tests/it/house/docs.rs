//! The paved path shows how it is used, in examples that run; everything else that is public says what it is in a sentence:
//! held against the sources.

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

/// The names that stand at the root of the crate.
fn paved() -> Vec<String> {
    let text = source("lib.rs");
    let (_, rest) = text.split_once("pub use auth::{").unwrap();
    let names = rest.split('}').next().unwrap().split(',').map(str::trim).filter(|name| is_type(name));
    names.map(str::to_owned).collect()
}

/// Whether a comment begins with a sentence.
fn is_told(comment: &str) -> bool {
    let first: Vec<_> = comment.lines().take_while(|line| !line.is_empty()).collect();
    first.join(" ").trim_end().ends_with(['.', ':'])
}

#[test]
fn the_paved_path_and_every_contract_have_an_example_that_runs() {
    let paved = paved();
    assert!((20..=32).contains(&paved.len()), "{} names at the root", paved.len());
    let mut count = 0;
    for (path, name) in exports().into_iter().filter(|(_, name)| is_type(name)) {
        let is_contract = source(&path).contains(&format!("pub trait {name}"));
        if !paved.contains(&name) && !is_contract {
            continue;
        }
        let types = types(&path);
        let (_, comment) = types.iter().find(|(known, _)| *known == name).expect(&name);
        assert!(examples(comment).contains(&""), "{name} in src/{path} has no example that runs");
        count += 1;
    }
    assert!(count > 30, "only {count} types were found: this test looks for the wrong text");
}

#[test]
fn everything_public_says_what_it_is_in_a_sentence() {
    let mut files: Vec<_> =
        exports().into_iter().filter(|(_, name)| is_type(name)).map(|(path, _)| path).collect();
    let of_modules = ["store/mod.rs", "testing.rs", "testing/visitor.rs", "auth/sessions/rotation.rs"];
    files.extend(of_modules.map(str::to_owned));
    let accounts = [
        "account",
        "accounts",
        "code",
        "codes",
        "password",
        "policy",
        "roles",
        "sign_in",
        "throttle",
        "username",
        "factors/machine",
        "factors/own",
        "factors/seal",
        "factors/second",
        "factors/store",
        "factors/totp",
    ];
    files.extend(accounts.map(|name| format!("users/{name}.rs")));
    files.sort();
    files.dedup();
    let mut count = 0;
    for path in files {
        for (name, comment) in types(&path) {
            assert!(is_told(&comment), "{name} in src/{path}: {comment:?}");
            count += 1;
        }
    }
    assert!(count > 90, "only {count} types were found");
}
