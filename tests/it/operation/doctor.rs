//! `portcullis doctor`: each fault is made, and has to be found and told with what to do.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};
use crate::operation::guide::{PATH, as_root};

const SECRET: &str = "a secret of a test that is long enough: 0123456789";

fn outside_debug() -> Installation {
    without_a_store(Installation::new().with_empty_store())
}

fn without_a_store(installation: Installation) -> Installation {
    installation
        .with("ROCKET_PROFILE", "release")
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_APP__BASE_URL", "https://login.example.org")
        .with("PORTCULLIS_APP__TRUSTED_PROXIES", "[\"127.0.0.1\"]")
}

/// Its findings, and whether it says that all is well.
fn findings(installation: &Installation, arguments: &[&str]) -> (bool, Vec<Value>) {
    let output = installation.run(&[&["doctor", "--json"][..], arguments].concat(), b"");
    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.success(), found)
}

#[track_caller]
fn assert_found(findings: &[Value], found: &str, about: &str, says: &str, remedy: &str) {
    let is_it = |finding: &&Value| {
        finding["found"] == found
            && finding["about"] == about
            && finding["says"].as_str().unwrap().contains(says)
            && finding["remedy"].as_str().unwrap().contains(remedy)
    };
    assert!(findings.iter().any(|finding| is_it(&finding)), "{found} {about} {says} {remedy}: {findings:#?}");
}

fn weights(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["found"].as_str().unwrap()).collect()
}

#[test]
fn an_installation_that_is_well_is_said_to_be() {
    let installation = outside_debug();
    assert!(installation.run(&["user", "add", "ada"], b"seven green kettles sing").status.success());
    let (is_fine, found) = findings(&installation, &["--offline"]);
    assert!(is_fine, "{found:#?}");
    assert!(!weights(&found).contains(&"problem") && !weights(&found).contains(&"warning"), "{found:#?}");
    let output = installation.run(&["doctor", "--offline"], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("fine     store: it answers"), "{text}");
    assert!(!text.contains(SECRET));
}

#[test]
fn every_mistake_in_settings_and_files_is_told_with_what_to_do() {
    let nothing = Installation::new().with("ROCKET_PROFILE", "release");
    let (is_fine, found) = findings(&nothing, &[]);
    assert!(!is_fine);
    assert_found(&found, "problem", "settings", "auth.secret_key: required", "portcullis init");

    let missing = without_a_store(Installation::new());
    let (is_fine, found) = findings(&missing, &["--offline"]);
    assert!(!is_fine);
    assert_found(&found, "problem", "store", "portcullis.db", "portcullis init");

    let open =
        outside_debug().with_file("Rocket.toml", &format!("[default.auth]\nsecret_key = \"{SECRET}\"\n"));
    fs::set_permissions(open.path("Rocket.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(
        &findings(&open, &["--offline"]).1,
        "problem",
        "secrets",
        "everybody on this machine",
        "chmod o=",
    );

    for (name, value, found, about, says, remedy) in [
        (
            "PORTCULLIS_APP__BASE_URL",
            "http://login.example.org",
            "problem",
            "base_url",
            "send no cookie",
            "https://",
        ),
        ("PORTCULLIS_APP__TRUSTED_PROXIES", "[]", "warning", "proxy", "does not name", "name it"),
        ("ROCKET_ADDRESS", "0.0.0.0", "note", "address", "plain HTTP", "127.0.0.1"),
    ] {
        let installation = outside_debug().with(name, value);
        assert_found(&findings(&installation, &["--offline"]).1, found, about, says, remedy);
    }
}

#[test]
fn a_database_that_is_away_and_too_few_descriptors_are_told() {
    let away = outside_debug()
        .with("PORTCULLIS_APP__STORE", "postgres://nobody@127.0.0.1:1/nothing")
        .with("PORTCULLIS_APP__FACTOR_KEY", SECRET);
    let (is_fine, found) = findings(&away, &["--offline"]);
    assert!(!is_fine);
    assert_found(&found, "problem", "store", "does not answer", "whether the database answers");

    let limited = outside_debug();
    let program = env!("CARGO_BIN_EXE_portcullis");
    let output = limited
        .command("sh")
        .args(["-c", &format!("ulimit -n 1000 && exec {program} doctor --json --offline")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_found(&found, "warning", "limits", "1000 descriptors", "LimitNOFILE");
}

#[test]
fn keys_that_grow_old_and_keys_that_are_gone_are_told() {
    let installation = Installation::new()
        .with_empty_store()
        .with("ROCKET_PROFILE", "release")
        .with("PORTCULLIS_AUTH__SECRET_KEY_FILE", "keys.json");
    let (_, found) = findings(&installation, &["--offline"]);
    assert_found(&found, "problem", "secrets", "keys.json", "portcullis key new");
    assert!(installation.run(&["key", "new"], b"").status.success());
    assert_found(
        &findings(&installation, &["--offline"]).1,
        "fine",
        "secrets",
        "HS256 signs, 1 in the file",
        "",
    );
    let file = fs::File::options().write(true).open(installation.path("keys.json")).unwrap();
    let two_years = std::time::Duration::from_secs(2 * 365 * 86_400);
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified.checked_sub(two_years).unwrap()).unwrap();
    let (_, found) = findings(&installation, &["--offline"]);
    assert_found(&found, "warning", "secrets", "days ago", "portcullis key rotate");
}

#[test]
fn a_message_goes_the_way_of_the_settings() {
    let installation = outside_debug();
    let (is_fine, found) = findings(&installation, &["--offline", "--mail", "ada@example.org"]);
    assert!(!is_fine);
    assert_found(&found, "problem", "mail", "app.mail is not set", "app.mail");
    let installation = outside_debug()
        .with("PORTCULLIS_APP__MAIL", "file:letters")
        .with("PORTCULLIS_APP__MAIL_FROM", "login@example.org");
    let (_, found) = findings(&installation, &["--offline", "--mail", "no address"]);
    assert_found(&found, "problem", "mail", "no mail address", "app.mail");
    let (_, found) = findings(&installation, &["--offline", "--mail", "ada@example.org"]);
    assert_found(&found, "note", "mail", "was taken", "arrives");
    let letters: Vec<_> = fs::read_dir(installation.path("letters")).unwrap().collect();
    assert_eq!(letters.len(), 1);
}

/// Something between people and the program that changes what passes, one connection after the other.
fn between(
    change_request: fn(&str) -> String,
    change_answer: fn(&str) -> String,
) -> (TcpListener, SocketAddr, Changes) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address, (change_request, change_answer))
}

type Changes = (fn(&str) -> String, fn(&str) -> String);

fn pass_on(listener: TcpListener, server: SocketAddr, (change_request, change_answer): Changes) {
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let mut caller = caller.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && caller.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let head = change_request(&String::from_utf8(head).unwrap());
            let head = head.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
            let mut stream = TcpStream::connect(server).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let _ = caller.write_all(change_answer(&answer).as_bytes());
        }
    });
}

/// What the doctor finds about a proxy that changes this.
fn found_behind(
    change_request: fn(&str) -> String,
    change_answer: fn(&str) -> String,
    proxies: &str,
) -> (bool, Vec<Value>) {
    let (listener, address, changes) = between(change_request, change_answer);
    let url = format!("http://localhost:{}", address.port());
    let installation = Installation::new()
        .with("PORTCULLIS_APP__BASE_URL", &url)
        .with("PORTCULLIS_APP__TRUSTED_PROXIES", proxies);
    let server = installation.start();
    pass_on(listener, server.address(), changes);
    findings(&installation, &[])
}

/// What a proxy of the operator's does: it says whose request it is, and gives it a name.
fn forwarded(head: &str) -> String {
    let named = head.replace("chosen-by-a-caller", "named-by-the-proxy");
    named.replacen("\r\n", "\r\nX-Forwarded-For: 192.0.2.7\r\n", 1)
}

#[test]
fn a_proxy_that_passes_everything_on_is_fine_and_what_others_change_is_named() {
    let same: fn(&str) -> String = str::to_owned;
    let ours = "[\"127.0.0.1\"]";
    let (is_fine, found) = found_behind(forwarded, same, ours);
    assert!(is_fine, "{found:#?}");
    assert_found(&found, "fine", "proxy", "arrives as it was sent", "");

    let (_, found) =
        found_behind(|head| forwarded(&head.replace("ost: localhost", "ost: inside")), same, ours);
    assert_found(&found, "warning", "proxy", "changes Host from localhost", "$http_host");
    let (_, found) = found_behind(forwarded, same, "[]");
    assert_found(
        &found,
        "warning",
        "proxy",
        "127.0.0.1, which app.trusted_proxies does not name",
        "127.0.0.1",
    );
    let (_, found) = found_behind(same, same, ours);
    assert_found(&found, "warning", "proxy", "does not say whose request", "X-Forwarded-For");
    assert_found(&found, "warning", "proxy", "lets callers choose X-Request-Id", "$request_id");
    let (is_fine, found) = found_behind(
        forwarded,
        |answer| answer.replace("content-security-policy", "x-gone").replace("no-store", "max-age=60"),
        ours,
    );
    assert!(!is_fine);
    assert_found(&found, "problem", "proxy", "takes Content-Security-Policy out", "pass the headers");
    assert_found(&found, "problem", "proxy", "lets answers be kept", "Cache-Control");
    let (_, found) = found_behind(|head| forwarded(&head.replace("%2F", "/")), same, ours);
    assert_found(&found, "problem", "proxy", "changes queries", "as it is");
    let (_, found) = found_behind(
        forwarded,
        |_| {
            "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
                .to_owned()
        },
        ours,
    );
    assert_found(&found, "problem", "base_url", "leads to https://elsewhere.example/", "app.base_url");
    let (_, found) =
        found_behind(forwarded, |_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_owned(), ours);
    assert_found(&found, "problem", "base_url", "not as this program", "same settings and key");
}

#[test]
fn an_address_where_nobody_answers_is_told() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = format!("http://localhost:{port}");
    let installation = Installation::new().with("PORTCULLIS_APP__BASE_URL", &url);
    let _server = installation.start();
    let (is_fine, found) = findings(&installation, &[]);
    assert!(!is_fine);
    assert_found(&found, "problem", "base_url", "does not answer", "DNS");
}

fn seen(server: &Server, proof: &str) -> u16 {
    server.client().send(Ask::get("/health/seen").header("X-Portcullis-Doctor", proof)).status
}

#[test]
fn strangers_do_not_learn_how_a_request_arrives() {
    let installation = Installation::new();
    let server = installation.start();
    assert_eq!(server.client().send(Ask::get("/health/seen")).status, 404);
    for proof in ["", ".", "1700000000.", "1700000000.AAAA", "x.y", "99999999999999999999.AA", "-1.AA"] {
        assert_eq!(seen(&server, proof), 404, "{proof}");
    }
    // Made with another installation's key.
    let other = portcullis::users::SealKey::derive(&[7; 32]);
    let now = portcullis::auth::Clock::now(&portcullis::auth::SystemClock::new());
    assert_eq!(seen(&server, &other.prove(now)), 404);
    // And with its own, now and an hour ago.
    let key = key_of(&installation.path("data/portcullis.factors.key"));
    assert_eq!(seen(&server, &key.prove(now)), 200);
    assert_eq!(seen(&server, &key.prove(now - std::time::Duration::from_secs(3600))), 404);
}

fn key_of(file: &Path) -> portcullis::users::SealKey {
    portcullis::users::SealKey::derive(fs::read_to_string(file).unwrap().trim().as_bytes())
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_clock_of_the_database_is_compared() {
    let url = std::env::var("POSTGRES_URL").unwrap();
    let installation = outside_debug()
        .with("PORTCULLIS_APP__STORE", &format!("{url}/postgres"))
        .with("PORTCULLIS_APP__FACTOR_KEY", SECRET);
    let (is_fine, found) = findings(&installation, &["--offline"]);
    assert!(is_fine, "{found:#?}");
    assert_found(&found, "fine", "clock", "it is the database's", "");
    let library = std::env::var("FAKETIME_LIBRARY").expect("FAKETIME_LIBRARY is not set; run scripts/test");
    let ahead = installation.with("LD_PRELOAD", &library).with("FAKETIME", "+90s");
    let (_, found) = findings(&ahead, &["--offline"]);
    assert_found(&found, "warning", "clock", " s apart from the database's", "NTP");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_disk_that_is_nearly_full_and_files_of_somebody_else_are_told() {
    let installation = outside_debug();
    let program = env!("CARGO_BIN_EXE_portcullis");
    let data = installation.path("data");
    let seen = |prepared: &str| {
        let script = format!(
            "cp -a {data} {data}.kept && mount -t tmpfs -o size=64m none {data} && cp -a {data}.kept/. {data} && {prepared} \
             && {program} doctor --json --offline; rm -rf {data}.kept",
            data = data.display()
        );
        let environment = [
            ("PATH", PATH),
            ("ROCKET_PROFILE", "release"),
            ("PORTCULLIS_AUTH__SECRET_KEY", SECRET),
            ("PORTCULLIS_APP__BASE_URL", "https://login.example.org"),
        ];
        let mut command = as_root(&environment, "unshare");
        let output = command
            .args(["--mount", "sh", "-c", &script])
            .current_dir(data.parent().unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains('{'), "{}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let found = seen("true");
    assert_found(&found, "warning", "disk", " MiB are free beside the store", "make room");
    let found = seen("chown 12345 data/portcullis.db");
    assert_found(
        &found,
        "problem",
        "settings",
        "belongs to another user (number 12345); run this as that user",
        "",
    );
}

#[test]
#[ignore = "needs openssl"]
fn a_certificate_that_nobody_believes_is_told() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let installation = outside_debug().with("PORTCULLIS_APP__BASE_URL", &format!("https://localhost:{port}"));
    let made = installation
        .command("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut server = installation
        .command("openssl")
        .args(["s_server", "-quiet", "-www", "-key", "key.pem", "-cert", "certificate.pem", "-accept"])
        .arg(format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {}
    let (is_fine, found) = findings(&installation, &[]);
    assert!(!is_fine);
    assert_found(&found, "problem", "base_url", "ertificate", "the certificate");
    // Whoever believes it sees what stands behind it.
    let (_, found) = findings(&installation, &["--ca", "certificate.pem"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_found(
        &found,
        "problem",
        "base_url",
        "not as this program with this key does",
        "same settings and key",
    );
}
