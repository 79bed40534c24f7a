//! What Cargo.toml says of the toolchain is true of everything that is built.

use std::process::Command;

use serde_json::Value;

type Version = (u32, u32);

fn version(text: &str) -> Version {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// What cargo knows of the packages that this machine builds, all of which it has.
fn metadata() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(rustc.stdout).unwrap();
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--offline", "--locked", "--all-features", "--format-version", "1"];
    let output = Command::new(cargo)
        .args(arguments)
        .args(["--filter-platform", &host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The names of the crates that a program builds which takes the library with these features and no others.
fn crates(features: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<_> =
        told.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    crates.sort();
    crates.dedup();
    crates
}

#[test]
fn the_library_alone_brings_no_application() {
    for (features, most) in [("", 145), ("sqlite", 200)] {
        let crates = crates(features);
        assert!((50..=most).contains(&crates.len()), "{features:?}: {} crates", crates.len());
        let absent = [
            "argon2",
            "clap",
            "rocket_dyn_templates",
            "rpassword",
            "tera",
            "tracing-subscriber",
            "unicode-normalization",
        ];
        for name in absent {
            let is_there = crates.iter().any(|one| one.starts_with(&format!("{name} ")));
            // sqlx brings the tables of normal forms with it.
            let is_allowed = name == "unicode-normalization" && features == "sqlite";
            assert!(!is_there || is_allowed, "{features:?} brings {name}");
        }
    }
    assert!(!crates("").iter().any(|one| one.starts_with("sqlx")), "an own store needs no other");
}

#[test]
fn no_dependency_needs_a_newer_toolchain_than_we_say() {
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let metadata = metadata();
    let resolved: Vec<_> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    let packages = metadata["packages"].as_array().unwrap();
    let needs = packages.iter().filter(|package| resolved.contains(&package["id"].as_str().unwrap()));
    let needs =
        needs.filter_map(|package| Some((version(package["rust_version"].as_str()?), &package["name"])));
    let (newest, name) = needs.max_by_key(|(version, _)| *version).unwrap();
    assert!(newest <= ours, "{name} needs {newest:?}");
    assert_eq!(newest, ours, "no more is asked for than is needed");
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&format!("a Rust toolchain ({}.{} or newer)", ours.0, ours.1)));
}
