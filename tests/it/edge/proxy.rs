//! A proxy with the configuration that `deploy/` shows, in which names, ports and certificates are those of a test.

#![expect(clippy::disallowed_methods, reason = "a proxy is waited for by the machine's clock")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    Haproxy,
}

/// A running proxy; dropped, it is ended.
pub(super) struct Proxy {
    child: Child,
    _folder: TempDir,
}

pub(super) const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/tls.cert.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/tls.key.pem");

pub(super) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The shipped file with these changes, each of which has to be possible.
fn shipped(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    let mut text = fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in deploy/{name}");
        text = text.replace(from, to);
    }
    text
}

impl Proxy {
    /// Listens on this port of 127.0.0.1 and leads to the target: another proxy, by HTTPS, unless it `is_last`. Whoever stands
    /// behind another one has what its file says about that.
    pub(super) fn start(kind: Kind, port: u16, target: &str, is_behind: bool, is_last: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = match kind {
            Kind::Nginx => nginx(&at("nginx"), port, target, is_last),
            Kind::Caddy => caddy(port, target, is_behind, is_last),
            Kind::Haproxy => haproxy(&at("both.pem"), port, target, is_behind, is_last),
        };
        fs::create_dir(at("nginx")).unwrap();
        fs::write(at("both.pem"), [fs::read(CERTIFICATE).unwrap(), fs::read(KEY).unwrap()].concat()).unwrap();
        fs::write(at("config"), &config).unwrap();
        let mut command = match kind {
            Kind::Nginx => {
                let mut nginx = Command::new("/usr/sbin/nginx");
                nginx.args([
                    "-c",
                    &at("config"),
                    "-p",
                    folder.path().to_str().unwrap(),
                    "-e",
                    &at("error.log"),
                ]);
                nginx
            }
            Kind::Caddy => {
                let mut caddy = Command::new("caddy");
                caddy.args(["run", "--adapter", "caddyfile", "--config", &at("config")]);
                caddy.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
                caddy
            }
            Kind::Haproxy => {
                let mut haproxy = Command::new("/usr/sbin/haproxy");
                haproxy.args(["-db", "-f", &at("config")]);
                haproxy
            }
        };
        let log = fs::File::create(at("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(Stdio::from(log)).spawn().unwrap();
        Self { child, _folder: folder }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Nginx has workers, which its master ends.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// An nginx that leads `/auth/` to the program, and takes that off or leaves it on.
pub(crate) struct PathProxy {
    port: u16,
    _proxy: Proxy,
}

impl PathProxy {
    pub(crate) fn start(server: SocketAddr, takes_off: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let target = if takes_off { format!("http://{server}/") } else { format!("http://{server}") };
        let site = format!(
            "server {{\nlisten 127.0.0.1:{port};\nlocation /auth/ {{\nproxy_pass {target};\nproxy_set_header Host $http_host;\n}}\n}}\n"
        );
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(at("nginx")).unwrap();
        fs::write(at("config"), around(&at("nginx"), &site)).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-c", &at("config"), "-p", folder.path().to_str().unwrap(), "-e", &at("error.log")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, _proxy: Proxy { child, _folder: folder } }
    }

    pub(crate) fn site(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn nginx(folder: &str, port: u16, target: &str, is_last: bool) -> String {
    let listen = format!("listen 127.0.0.1:{port} ssl http2;");
    let inner = if is_last { "proxy_pass http://portcullis;" } else { "proxy_pass https://portcullis;" };
    let site = shipped(
        "nginx.conf",
        &[
            ("listen 443 ssl http2;", &listen),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("server_name login.example.org;", "server_name localhost;"),
            ("/etc/ssl/login.example.org.pem", CERTIFICATE),
            ("/etc/ssl/login.example.org.key", KEY),
            ("127.0.0.1:8000", target),
            ("proxy_pass http://portcullis;", inner),
        ],
    );
    around(folder, &site)
}

/// The settings around a site, as Debian has them; everything that is written lies in this folder.
fn around(folder: &str, site: &str) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders: String = kinds.iter().map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).collect();
    format!(
        "daemon off;\npid {folder}/pid;\nworker_processes auto;\nevents {{ worker_connections 768; }}\nhttp {{\naccess_log off;\n{folders}{site}}}\n"
    )
}

fn caddy(port: u16, target: &str, is_behind: bool, is_last: bool) -> String {
    let site = format!("https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {CERTIFICATE} {KEY}");
    let target = if is_last { target.to_owned() } else { format!("https://{target}") };
    let mut text = shipped(
        "Caddyfile",
        &[
            ("login.example.org {", &site),
            ("127.0.0.1:8000", &target),
            ("{\n\tservers", "{\n\tadmin off\n\tservers"),
        ],
    );
    if is_behind {
        let line = "# trusted_proxies private_ranges";
        assert!(text.contains(line));
        text = text.replace(line, "trusted_proxies private_ranges");
    }
    if !is_last {
        text = text.replace("transport http {", "transport http {\n\t\t\ttls_insecure_skip_verify");
    }
    text
}

fn haproxy(both: &str, port: u16, target: &str, is_behind: bool, is_last: bool) -> String {
    let inner = if is_last {
        format!("server one {target} check")
    } else {
        format!("server one {target} ssl verify none check")
    };
    let mut text = shipped(
        "haproxy-edge.cfg",
        &[
            (
                "bind :443 ssl crt /etc/haproxy/login.example.org.pem",
                &format!("bind 127.0.0.1:{port} ssl crt {both}"),
            ),
            ("server one 127.0.0.1:8000 check", &inner),
        ],
    );
    if is_behind {
        for line in
            ["    http-request del-header X-Forwarded-For\n", "    http-request del-header Forwarded\n"]
        {
            assert!(text.contains(line));
            text = text.replace(line, "");
        }
    }
    if !is_last {
        text = text.replace("hdr Host health.invalid", "hdr Host localhost");
    }
    text
}
