//! The README is run as it stands.

use std::path::Path;

use crate::binary::server::Installation;

const README: &str = include_str!("../../../README.md");

/// The code blocks of the README's section with this heading.
fn blocks(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_curl_lines_work_as_pasted() {
    let installation = Installation::new();
    let server = installation.start();
    let lines: Vec<String> = blocks("The four calls").concat().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let script = lines.join("\ncp cookie-jar.txt \"jar-$((++count)).txt\"; echo\n");
    let script = script.replace("127.0.0.1:8000", &server.address().to_string());
    let mut bash = installation.command(Path::new("bash"));
    let output = bash.args(["-euc", &format!("count=0\n{script}")]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<_> = said.lines().filter(|line| line.starts_with('{')).collect();
    let expected =
        [r#"{"login":true}"#, r#"{"logged_in_as":"testuser"}"#, r#"{"refresh":true}"#, r#"{"logout":true}"#];
    assert_eq!(answers, expected);

    assert!(installation.read("jar-3.txt").contains("access_token_cookie"));
    // Some versions of curl write deleted cookies back into a jar that is both read and written, so only the copies count.
    for jar in ["jar-1.txt", "jar-3.txt"] {
        let script = format!("curl -s http://{}/protected -b {jar}", server.address());
        let mut bash = installation.command(Path::new("bash"));
        let output = bash.args(["-euc", &script]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("token_revoked"), "{jar}: {said}");
    }
}

#[test]
fn the_lines_about_the_release_profile_work_as_pasted() {
    let installation = Installation::new();
    let lines = blocks("Run it in one minute")[1];
    assert_eq!(lines.lines().count(), 5, "{lines}");
    let program = format!("'{}'", env!("CARGO_BIN_EXE_portcullis"));
    let script = lines
        .replace("cargo build --release\n", "")
        .replace("user add NAME", "user add grace")
        .replace("target/release/portcullis\n", "portcullis check-config && portcullis user list\n")
        .replace("target/release/portcullis user", "echo a long pass phrase | portcullis user");
    let script = format!("portcullis() {{ {program} \"$@\"; }}\n{script}");
    let output = installation.command(Path::new("bash")).args(["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.lines().last().is_some_and(|line| line.contains("grace") && line.contains("admin")),
        "{said}"
    );
}

#[test]
fn an_application_depends_on_the_rocket_that_this_crate_is_built_with() {
    let (_, rest) = README.split_once("```toml\n").unwrap();
    let line = rest.lines().find(|line| line.starts_with("rocket = ")).unwrap();
    let version = line.trim_start_matches("rocket = ");
    let manifest = include_str!("../../../Cargo.toml");
    let own = manifest.lines().find(|line| line.starts_with("rocket = ")).unwrap();
    assert!(own.contains(version), "{own}");
}

#[test]
fn the_lines_about_keys_work_as_pasted() {
    let installation = Installation::new();
    assert!(installation.run(&["key", "new"], b"").status.success());
    let lines = blocks("Keys").concat();
    assert_eq!(lines.lines().count(), 4, "{lines}");
    // The first key is the one that the rotation replaces.
    let lines =
        lines.replace("retire ID", "retire \"$(portcullis key list | awk '/verifying/ {print $1}')\"");
    let program = env!("CARGO_BIN_EXE_portcullis");
    let script = format!("portcullis() {{ '{program}' \"$@\"; }}\n{lines}\nportcullis key list");
    let output = installation.command(Path::new("bash")).args(["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, left) = said.rsplit_once("UNTIL\n").unwrap();
    assert!(left.lines().count() == 1 && left.contains("EdDSA"), "{said}");
}

#[test]
fn every_setting_is_told_with_its_default() {
    let page = include_str!("../../../docs/settings.md");
    let example = include_str!("../../../Rocket.toml");
    let mut table = "";
    let mut count = 0;
    for line in example.lines() {
        if let Some(name) = line.strip_prefix("[default.").and_then(|rest| rest.strip_suffix(']')) {
            table = name;
        }
        let Some((key, value)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) else {
            continue;
        };
        let row = format!("| `{table}.{key}` |");
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap_or_default();
        let is_example = matches!(
            key,
            "secret_key"
                | "secret_key_file"
                | "issuer"
                | "audience"
                | "hash_threads"
                | "theme"
                | "logo"
                | "store_listen"
                | "redis"
                | "factor_key"
                | "leaked_passwords"
        ) || key.ends_with("colors");
        // Nothing can only be shown between quotes.
        let shown = if value == "\"\"" { value } else { value.trim_matches('"') };
        assert!(
            !row.is_empty() && (is_example || row.contains(&format!("`{shown}`"))),
            "{table}.{key} lacks {value}: {row:?}"
        );
        count += 1;
    }
    assert!(count >= 20, "{count} settings found");
}

#[test]
fn the_readme_can_be_read_in_two_minutes() {
    assert!(README.lines().count() <= 150, "{} lines", README.lines().count());
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        ["README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root.join(name)).into();
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    let mut count = 0;
    for page in pages.iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let text = std::fs::read_to_string(page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_elsewhere = target.is_empty() || target.starts_with("http");
            assert!(is_elsewhere || page.with_file_name(target).exists(), "{}: {target}", page.display());
            count += usize::from(!is_elsewhere);
        }
    }
    assert!(count > 10, "{count} links");
}

#[test]
fn every_test_that_the_documents_name_exists() {
    let guides = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let guides = guides
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"));
    let mut documents: Vec<_> = guides.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    documents.extend(
        [README, include_str!("../../../SECURITY.md"), include_str!("../../../ARCHITECTURE.md")]
            .map(str::to_owned),
    );
    let mut count = 0;
    for cited in documents.iter().flat_map(|text| text.split("tests/it/").skip(1)) {
        let cited = cited.split(|c: char| !(c.is_alphanumeric() || "_/.:".contains(c))).next().unwrap();
        let Some((file, name)) = cited.trim_end_matches('.').split_once("::") else { continue };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
        count += 1;
    }
    assert!(count >= 15, "{count} tests are named");
}
