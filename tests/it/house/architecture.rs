//! The walls of the house, held against the sources: who may see whom, and what has only one home.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The text of every Rust file under `src/`, comments left out, by its path there.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(found.len() > 40);
    found
}

fn gather(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".rs") {
            found.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// A file's code: no comments, no doc examples.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// What of this crate a file names: `crate::x::y`, grouped imports included.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let inside = group.split("};").next().unwrap_or_default();
            paths.extend(inside.split(',').map(|part| part.trim().to_owned()));
        } else {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
            paths.push(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    paths
}

#[track_caller]
fn assert_only(what: &str, is_there: impl Fn(&str) -> bool, homes: &[&str]) {
    let found: Vec<_> =
        sources().into_iter().filter(|(_, text)| is_there(&code(text))).map(|(path, _)| path).collect();
    for path in &found {
        assert!(homes.iter().any(|home| path.starts_with(home)), "{what} in src/{path}");
    }
    assert!(!found.is_empty(), "{what} is nowhere: this test looks for the wrong text");
}

#[test]
fn every_wing_sees_only_what_it_may() {
    let may: [(&str, &[&str]); 8] = [
        ("ground/", &["ground"]),
        ("auth/", &["auth", "ground"]),
        ("users/", &["users", "ground", "auth::Clock", "auth::Random", "auth::UnixTime", "auth::clock"]),
        ("store", &["store", "auth::", "users::"]),
        ("routes/", &["routes", "auth", "users", "settings"]),
        ("settings", &["settings", "auth", "store::StoreUrl", "store::RedisUrl", "mail::MailRoute"]),
        ("theme", &["theme", "routes", "settings"]),
        ("mail/", &["mail", "users", "auth"]),
    ];
    for (path, text) in sources() {
        let Some((folder, allowed)) = may.iter().find(|(folder, _)| path.starts_with(folder)) else {
            continue;
        };
        let tested = code(&text);
        for seen in crate_paths(&tested) {
            let is_allowed = allowed.iter().any(|allowed| seen.starts_with(allowed));
            // The tests of a file may build what its users would.
            let is_test = path.ends_with("tests.rs");
            assert!(is_allowed || is_test, "src/{path} ({folder}) names crate::{seen}");
        }
    }
}

/// The file that a path names, and the path without what stands inside the file.
fn file_of<'a>(path: &str, files: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let parts: Vec<_> = path.split("::").collect();
    (1..=parts.len()).rev().find_map(|length| {
        let start = parts[..length].join("/");
        let names = [format!("{start}.rs"), format!("{start}/mod.rs")];
        names.iter().find_map(|name| files.get_key_value(name)).map(|(name, _)| name.as_str())
    })
}

/// Which files each file names; the tests of a file may name what its users would.
fn arrows(files: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut arrows = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let tested = code(text.split("#[cfg(test)]").next().unwrap());
        let mut seen = BTreeSet::new();
        for statement in tested.split("crate::").skip(1) {
            let end = statement.find(|sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == ':'));
            let base = &statement[..end.unwrap_or(statement.len())];
            let group = statement[base.len()..].strip_prefix('{').and_then(|rest| rest.split('}').next());
            let names = group.map_or(vec![""], |group| group.split(',').map(str::trim).collect());
            for name in names {
                let name = name.split([':', ' ']).next().unwrap();
                seen.extend(file_of(&format!("{base}{name}"), files).filter(|file| file != path));
            }
        }
        arrows.insert(path.as_str(), seen);
    }
    arrows
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let files = sources();
    let mut left = arrows(&files);
    // Whoever names nobody that is left is in no circle.
    loop {
        let done: Vec<_> = left
            .iter()
            .filter(|(_, seen)| !seen.iter().any(|file| left.contains_key(file)))
            .map(|(file, _)| *file)
            .collect();
        if done.is_empty() {
            break;
        }
        for file in done {
            left.remove(file);
        }
    }
    assert!(left.is_empty(), "in a circle, or above one: {:#?}", left.keys());
    assert!(arrows(&files).values().map(BTreeSet::len).sum::<usize>() > 200, "this test sees no arrows");
}

#[test]
fn in_the_library_arrows_go_down_from_room_to_room() {
    let order = ["wire", "tokens", "config", "sessions", "request", "guards", "fairing"];
    let files = sources();
    let room = |file: &str| {
        let inside = file.strip_prefix("auth/")?;
        let name = inside.split(['/', '.']).next()?;
        order.iter().position(|room| *room == name)
    };
    let mut count = 0;
    for (file, seen) in arrows(&files) {
        for other in seen {
            if let (Some(here), Some(there)) = (room(file), room(other)) {
                assert!(there <= here, "src/{file} ({}) names src/{other} ({})", order[here], order[there]);
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} arrows");
    for (file, text) in files.iter().filter(|(file, _)| file.starts_with("ground/")) {
        assert!(crate_paths(&code(text)).iter().all(|path| path.starts_with("ground")), "src/{file}");
    }
}

#[test]
fn pages_know_nothing_of_the_routes_above_them() {
    let order = ["view", "edge", "answer", "signing", "account", "mail", "people", "openapi", "pages"];
    let files = sources();
    let room = |file: &str| {
        let name = file.strip_prefix("routes/")?.split(['/', '.']).next()?;
        order.iter().position(|room| *room == name)
    };
    let mut count = 0;
    for (file, seen) in arrows(&files) {
        for other in seen {
            let (Some(here), Some(there)) = (room(file), room(other)) else { continue };
            assert!(there <= here, "src/{file} names src/{other}");
            count += 1;
        }
    }
    assert!(count > 50, "{count} arrows");
}

#[test]
fn a_folder_holds_no_more_than_a_dozen_files() {
    let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
    for (root, minimum) in [("src", 40), ("tests", 40)] {
        let mut found = BTreeMap::new();
        gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &format!("{root}/"), &mut found);
        assert!(found.len() > minimum);
        for file in found.keys().filter(|file| !file.ends_with("/mod.rs")) {
            *rooms.entry(file.rsplit_once('/').unwrap().0.to_owned()).or_default() += 1;
        }
    }
    assert!(rooms.len() > 20, "{rooms:?}");
    rooms.retain(|_, count| *count > 12);
    assert!(rooms.is_empty(), "{rooms:?}");
}

#[test]
fn an_address_of_ours_is_spelled_by_its_handler_and_in_one_place_for_all_others() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("routes/")) {
        let text = code(text.split("#[cfg(test)]").next().unwrap());
        let spelled = text.lines().filter(|line| !line.trim_start().starts_with("#["));
        let spelled: Vec<_> = spelled
            .filter(|line| {
                let pieces = line.split('"').skip(1).step_by(2);
                let is_ours = |piece: &str| {
                    let roots = [
                        "/login",
                        "/logout",
                        "/dashboard",
                        "/sessions",
                        "/people",
                        "/account",
                        "/link",
                        "/reauthenticate",
                    ];
                    roots.iter().any(|root| piece.starts_with(root))
                };
                // Places of texts begin like this in the table of pages; the tables of calls are held against the routes.
                let is_table = path.ends_with("pages.rs") || path.starts_with("routes/openapi/");
                pieces.into_iter().any(is_ours) && !is_table && !path.ends_with("paths.rs")
            })
            .collect();
        assert!(spelled.is_empty(), "src/{path}: {spelled:?}");
    }
}

/// The types that stand at the outermost level of a file.
fn types_of(text: &str) -> Vec<String> {
    let text = code(text.split("#[cfg(test)]").next().unwrap());
    let declared = text.lines().filter_map(|line| {
        let line = ["pub(crate) ", "pub(super) ", "pub "]
            .iter()
            .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
        let line = line
            .strip_prefix("pub(in ")
            .and_then(|rest| rest.split_once(") "))
            .map_or(line, |(_, rest)| rest);
        let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|word| line.strip_prefix(word))?;
        Some(rest.split(|sign: char| !sign.is_alphanumeric()).next()?.to_owned())
    });
    declared.collect()
}

#[test]
fn no_type_has_the_name_of_another() {
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        for name in types_of(&text) {
            homes.entry(name).or_default().insert(path.clone());
        }
    }
    assert!(homes.len() > 150 && homes.contains_key("Portcullis"), "{}", homes.len());
    homes.retain(|_, files| files.len() > 1);
    assert!(homes.is_empty(), "{homes:#?}");
}

#[test]
fn stores_see_traits_and_records_but_no_guards() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("store")) {
        // The event of the same name is a record.
        let code = code(&text).replace("What::SignedIn", "");
        for word in ["AccessToken", "SignedIn", "Request<", "CookieJar", "Template", "rocket::"] {
            assert!(!code.contains(word), "src/{path} names {word}");
        }
    }
}

#[test]
fn accounts_know_no_requests() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("users")) {
        for word in ["rocket::", "Request<", "Cookie", "sqlx"] {
            assert!(!code(&text).contains(word), "src/{path} names {word}");
        }
    }
}

#[test]
fn the_library_wing_knows_no_accounts_pages_templates_or_sql() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("auth/")) {
        for word in ["sqlx", "Template", "Tera", "tera::", "argon2", "Username", ".html"] {
            assert!(!code(&text).contains(word), "src/{path} names {word}");
        }
    }
}

#[test]
fn only_one_file_spells_the_cookies_names() {
    let names =
        ["access_token_cookie", "refresh_token_cookie", "csrf_access_token", "portcullis_login", "__Host-"];
    assert_only(
        "a cookie's name",
        |code| names.iter().any(|name| code.contains(name)),
        &["auth/wire/cookies.rs"],
    );
}

#[test]
fn only_one_file_writes_set_cookie() {
    assert_only(
        "Set-Cookie",
        |code| code.contains("Set-Cookie"),
        &["auth/wire/cookies.rs", "routes/view/next.rs"],
    );
    let writes = |code: &str| {
        [".cookies().add", ".cookies().remove", "Cookie::build", "Cookie::new"]
            .iter()
            .any(|call| code.contains(call))
    };
    assert_only("a cookie", writes, &["auth/wire/cookies.rs"]);
}

#[test]
fn only_one_file_asks_where_a_request_comes_from() {
    let asks = |code: &str| {
        [".client_ip()", ".real_ip()", "X-Forwarded-For", "X-Real-IP"].iter().any(|call| code.contains(call))
    };
    // The other two say to the operator what a proxy wrote, and believe nothing of it.
    let homes = ["auth/request/caller.rs", "routes/health/seen.rs", "cli/doctor/edge.rs"];
    assert_only("the caller's address", asks, &homes);
}

#[test]
fn only_one_file_reads_a_clock() {
    let reads = |code: &str| {
        ["SystemTime::now", "Instant::now", "now_utc", "now_local"].iter().any(|call| code.contains(call))
    };
    assert_only("a clock", reads, &["ground/clock.rs"]);
}

#[test]
fn only_one_file_asks_the_system_for_randomness() {
    let asks = |code: &str| {
        ["getrandom", "new_v4", "OsRng", "thread_rng", "rand::"].iter().any(|call| code.contains(call))
    };
    // Salts are drawn where passwords are hashed, by the hashing crate; private keys where keys are, by the key crate.
    assert_only("randomness", asks, &["ground/random.rs", "auth/tokens/keys.rs"]);
}

#[test]
fn only_one_file_imports_the_jwt_crate() {
    assert_only("the JWT crate", |code| code.contains("jsonwebtoken"), &["auth/tokens/keys.rs"]);
}

#[test]
fn sql_stands_in_the_stores_alone() {
    let is_sql =
        |code: &str| code.contains("sqlx") || code.contains("SELECT ") || code.contains("INSERT INTO");
    assert_only("SQL", is_sql, &["store/"]);
}

#[test]
fn every_file_says_what_lives_there_and_is_short_enough_to_read() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "src/{path} does not begin with a word about itself");
        let lines = text.lines().count();
        assert!(lines <= 400, "src/{path} has {lines} lines");
    }
}

/// A file of tests is a list of sentences, each found by its name; it may be longer than what is read from top to bottom.
#[test]
fn no_file_of_tests_is_longer_than_six_hundred_lines() {
    let mut found = BTreeMap::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), "", &mut found);
    assert!(found.len() > 80);
    for (path, text) in found {
        assert!(text.starts_with("//! "), "tests/{path} does not begin with a word about itself");
        assert!(text.lines().count() <= 600, "tests/{path} has {} lines", text.lines().count());
    }
}

#[test]
fn nothing_is_unsafe_and_nothing_is_left_to_do() {
    for (path, text) in sources() {
        for word in ["unsafe {", "todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME", "XXX"] {
            assert!(!text.contains(word), "{word} in src/{path}");
        }
    }
}

#[test]
fn modules_have_names_that_a_user_would_say() {
    for path in sources().keys() {
        for word in ["util", "helper", "common", "manager", "service", "misc"] {
            assert!(!path.contains(word), "src/{path}");
        }
    }
}
