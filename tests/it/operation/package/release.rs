//! The program as it is given away: the same bytes wherever it is built, linked with nothing, and with a list of what is in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::binary::client::Ask;
use crate::binary::server::Installation;
use crate::interop::peer::installed;

/// What is under version control, in a folder of its own.
fn copied(folder: &Path) -> &Path {
    fs::create_dir_all(folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(source).output().unwrap();
    assert!(listed.status.success());
    let mut packing = Command::new("tar")
        .args(["--create", "--null", "--files-from=-"])
        .current_dir(source)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut files = packing.stdin.take().unwrap();
    let writing = std::thread::spawn(move || files.write_all(&listed.stdout));
    let unpacking =
        Command::new("tar").arg("-x").current_dir(folder).stdin(packing.stdout.take().unwrap()).status();
    assert!(unpacking.unwrap().success());
    writing.join().unwrap().unwrap();
    assert!(packing.wait().unwrap().success());
    folder
}

/// Builds it there, as far as paths go like a release, and without the optimizations that take minutes.
fn built(folder: &Path) -> PathBuf {
    let made = Command::new(folder.join("scripts/release"))
        .arg("musl")
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .env("PATH", format!("{}:{}", installed("RELEASE_TOOLS").display(), std::env::var("PATH").unwrap()))
        .env("SOURCE_DATE_EPOCH", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

/// The crates that the program says it is made of and was built by, each with its version.
fn listed_within(program: &Path) -> BTreeSet<(String, String)> {
    let read = "import json, subprocess, sys, zlib\n\
        section = subprocess.run(['objcopy', '--dump-section', '.dep-v0=/dev/stdout', sys.argv[1], '/dev/null'], \
        check=True, stdout=subprocess.PIPE).stdout\n\
        print(zlib.decompress(section).decode())";
    let output = Command::new("python3").args(["-c", read]).arg(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |package: &Value, member: &str| package[member].as_str().unwrap().to_owned();
    let packages = list["packages"].as_array().unwrap().iter();
    packages.map(|package| (text(package, "name"), text(package, "version"))).collect()
}

/// Those that are linked in, by the bill of materials.
fn listed_beside(folder: &Path) -> BTreeSet<(String, String)> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let output = Command::new(folder.join("scripts/sbom")).args(["--target", &target]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bill: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |package: &Value, member: &str| package[member].as_str().unwrap().to_owned();
    bill["components"].as_array().unwrap().iter().map(|it| (text(it, "name"), text(it, "version"))).collect()
}

#[test]
#[ignore = "builds the program twice, with musl"]
fn two_folders_give_one_program_that_needs_nothing_and_says_what_is_in_it() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let one = folder.path().join("one");
    let other = folder.path().join("another/one/of/a/longer/path");
    let program = built(copied(&one));
    let bytes = fs::read(&program).unwrap();
    assert!(bytes == fs::read(built(copied(&other))).unwrap(), "they differ");
    let home = std::env::var("HOME").unwrap();
    for place in [folder.path().to_str().unwrap(), env!("CARGO_MANIFEST_DIR"), &format!("{home}/.cargo")] {
        let found = bytes.windows(place.len()).any(|window| window == place.as_bytes());
        assert!(!found, "it knows {place}");
    }

    let headers = Command::new("readelf").arg("--program-headers").arg(&program).output().unwrap();
    assert!(!String::from_utf8_lossy(&headers.stdout).contains("INTERP"), "it needs a loader");
    let within = listed_within(&program);
    assert!(within.contains(&("portcullis".to_owned(), env!("CARGO_PKG_VERSION").to_owned())));
    let beside = listed_beside(&one);
    assert!(beside.len() > 200 && beside.is_subset(&within), "{:?}", beside.difference(&within));
    let lock = fs::read_to_string(one.join("Cargo.lock")).unwrap();
    for (name, version) in &within {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{name} {version} is not what Cargo.lock says");
    }

    // An image of it is the program, a user, and a folder.
    let root = folder.path().join("root");
    let laid =
        Command::new(one.join("scripts/package")).arg("root").arg(&program).arg(&root).status().unwrap();
    assert!(laid.success());
    let files = Command::new("find").arg(&root).args(["-type", "f", "-printf", "%P\\n"]).output().unwrap();
    let files: BTreeSet<_> = std::str::from_utf8(&files.stdout).unwrap().lines().collect();
    assert_eq!(files, BTreeSet::from(["etc/passwd", "usr/bin/portcullis"]));
    assert_eq!(listed_within(&root.join("usr/bin/portcullis")), within, "packing took the list away");

    let installation = Installation::new().with("ROCKET_PROFILE", "debug");
    let server = installation.start_by(installation.command(&program));
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    assert_eq!(client.protected().body, r#"{"logged_in_as":"testuser"}"#);
    assert_eq!(client.send(Ask::get("/health/ready")).status, 200);
}
