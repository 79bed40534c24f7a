//! The proxies that `deploy/` configures, as they are installed, each in front of the program.

#![expect(clippy::disallowed_methods, reason = "a proxy is waited for by the machine's clock")]

mod proxy;
mod slow;

pub(crate) use self::proxy::PathProxy;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::server::{Installation, Server};
use crate::edge::proxy::{CERTIFICATE, Kind, Proxy, free_port};

/// A program that is served as `https://localhost:PORT`, and the proxies in front of it, the outermost first.
struct Site {
    port: u16,
    installation: Installation,
    server: Server,
    _proxies: Vec<Proxy>,
}

impl Site {
    fn behind(kinds: &[Kind]) -> Self {
        let ports: Vec<u16> = kinds.iter().map(|_| free_port()).collect();
        let port = ports[0];
        let installation = Installation::new()
            .with("PORTCULLIS_AUTH__INSECURE_HTTP", "false")
            .with("PORTCULLIS_APP__BASE_URL", &format!("https://localhost:{port}"))
            .with("PORTCULLIS_APP__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
        let server = installation.start();
        // Each leads to the next; the last to the program.
        let next = ports.iter().skip(1).map(|port| format!("127.0.0.1:{port}"));
        let targets = next.chain([server.address().to_string()]);
        let last = kinds.len() - 1;
        let proxies = kinds.iter().zip(&ports).zip(targets).enumerate();
        let proxies = proxies
            .map(|(at, ((kind, port), target))| Proxy::start(*kind, *port, &target, at != 0, at == last));
        let proxies = proxies.collect();
        let site = Self { port, installation, server, _proxies: proxies };
        let deadline = Instant::now() + Duration::from_secs(20);
        while site.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/health/ready") != "200" {
            assert!(Instant::now() < deadline, "{kinds:?} do not serve");
            std::thread::sleep(Duration::from_millis(50));
        }
        site
    }

    /// What curl says, asked from an address that is none of the proxies'.
    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let output = Command::new("curl")
            .args(["-s", "--max-time", "5", "--cacert", CERTIFICATE, "--interface", CALLER])
            .args(arguments)
            .arg(format!("https://localhost:{}{path}", self.port))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// From where the program thinks that a sign-in came, by the event of it.
    fn source_of_a_sign_in(&self) -> String {
        let body = r#"{"username": "testuser", "password": "wrong"}"#;
        let spoofed = ["-H", "X-Forwarded-For: 192.0.2.66", "-H", "Forwarded: for=192.0.2.66"];
        let head = ["-o", "/dev/null", "-H", "Content-Type: application/json", "-d", body];
        self.curl(&[&head[..], &spoofed].concat(), "/login");
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let said = self.server.said();
            let event = said.lines().rfind(|line| line.contains("sign_in_failed"));
            if let Some(event) = event {
                let event: Value = serde_json::from_str(event).unwrap();
                return event["source_ip"].as_str().unwrap_or("nobody").to_owned();
            }
            assert!(Instant::now() < deadline, "{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signs_in_and_out(&self) {
        let jar = self.installation.path("jar").display().to_string();
        let body = r#"{"username": "testuser", "password": "testpass"}"#;
        let json = ["-H", "Content-Type: application/json", "-d", body, "-c", &jar];
        assert_eq!(self.curl(&json, "/login"), r#"{"login":true}"#);
        let protected = self.curl(&["-b", &jar], "/protected");
        assert!(protected.contains("testuser"), "{protected}");
        let kept = std::fs::read_to_string(&jar).unwrap();
        assert!(kept.contains("__Host-access_token_cookie"), "{kept}");
        let status =
            self.curl(&["-o", "/dev/null", "-w", "%{http_code}", "-b", &jar, "-X", "POST"], "/logout");
        assert_eq!(status, "200");
        let status = self.curl(&["-o", "/dev/null", "-w", "%{http_code}", "-b", &jar], "/protected");
        assert_eq!(status, "401");
    }
}

/// What every proxy that we show has to do.
fn does_all_that_a_proxy_has_to(kind: Kind) {
    let site = Site::behind(&[kind]);
    let page = site.curl(&["-o", "/dev/null", "-w", "%{http_code} %{http_version}"], "/login");
    assert_eq!(page, "200 2", "{kind:?}");
    site.signs_in_and_out();
    assert_eq!(site.source_of_a_sign_in(), CALLER, "{kind:?}");

    let large = site.installation.path("large");
    std::fs::write(&large, vec![b'a'; 200_000]).unwrap();
    let sent = format!("@{}", large.display());
    let status = ["-o", "/dev/null", "-w", "%{http_code}"];
    let large = [&status[..], &["-H", "Content-Type: application/json", "--data-binary", &sent]].concat();
    // Caddy 2.6 may take what it does not let through for a fault of the server, and HAProxy may have closed the connection
    // before its answer is read; none of it comes to the program.
    let refused = site.curl(&[&large[..], &["--http1.1"]].concat(), "/login");
    let may_be: &[&str] = match kind {
        Kind::Nginx => &["413"],
        Kind::Caddy => &["413", "502"],
        Kind::Haproxy => &["413", "000"],
    };
    assert!(may_be.contains(&refused.as_str()), "{kind:?}: {refused}");
    assert_eq!(site.server.said().matches("sign_in_failed").count(), 1, "{kind:?}");
    let head = site.curl(&["-I"], "/login").to_lowercase();
    for header in
        ["strict-transport-security: max-age=63072000", "content-security-policy: ", "x-request-id: "]
    {
        assert_eq!(head.matches(header).count(), 1, "{kind:?}: {header} in {head}");
    }

    let named = site.curl(&["-I", "-H", "X-Request-Id: chosen-by-a-caller"], "/login").to_lowercase();
    assert!(named.contains("x-request-id: ") && !named.contains("chosen-by-a-caller"), "{kind:?}: {named}");

    let output = site.installation.run(&["doctor", "--json", "--ca", CERTIFICATE], b"");
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && found.contains("arrives as it was sent"), "{kind:?}: {found}");
}

#[test]
#[ignore = "needs nginx and curl"]
fn nginx_serves_as_it_is_shown() {
    does_all_that_a_proxy_has_to(Kind::Nginx);
}

#[test]
#[ignore = "needs Caddy and curl"]
fn caddy_serves_as_it_is_shown() {
    does_all_that_a_proxy_has_to(Kind::Caddy);
}

#[test]
#[ignore = "needs HAProxy and curl"]
fn haproxy_serves_as_it_is_shown() {
    does_all_that_a_proxy_has_to(Kind::Haproxy);
}

#[test]
#[ignore = "needs nginx, Caddy, HAProxy and curl"]
fn a_caller_is_known_through_two_proxies_in_a_row() {
    for kinds in [[Kind::Haproxy, Kind::Nginx], [Kind::Nginx, Kind::Caddy], [Kind::Caddy, Kind::Haproxy]] {
        let site = Site::behind(&kinds);
        assert_eq!(site.source_of_a_sign_in(), CALLER, "{kinds:?}");
        site.signs_in_and_out();
    }
}

/// Who asks, as the program has to see it; the proxies are 127.0.0.1.
const CALLER: &str = "127.0.0.9";
