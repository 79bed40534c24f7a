//! A PostgreSQL of the test's own, which is killed, stopped in the middle, shut down and started again, whose disk is full,
//! and which speaks TLS.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binary::client::Client;
use crate::binary::server::{Installation, SECRET};
use crate::postgres::sql;

/// A server with its data in a folder of its own; dropped, it is killed.
pub(super) struct OwnServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    options: String,
}

impl OwnServer {
    pub(super) fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// The same with more options, which may name files of its folder.
    fn start_with(options: impl FnOnce(&Path) -> String) -> Self {
        let mut server = Self::nowhere();
        server.options = options(server.folder.path());
        server.run("initdb", &["-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8"]);
        server.go_on();
        server
    }

    /// A second server that follows this one, until it is told to lead.
    pub(super) fn replica(&self) -> Self {
        let replica = Self::nowhere();
        replica.run("pg_basebackup", &["-R", "-c", "fast", "-d", &self.url()]);
        replica.go_on();
        replica
    }

    /// Nothing has been started yet, and nothing is in its folder.
    fn nowhere() -> Self {
        let version =
            std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is not there; run scripts/test");
        let programs = version.map(|entry| entry.unwrap().path().join("bin")).max().unwrap();
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self { folder, programs, port, options: String::new() }
    }

    /// Starts it, after the first time or again.
    pub(super) fn go_on(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c restart_after_crash=on {}",
            self.port,
            self.folder.path().display(),
            self.options
        );
        let log = self.folder.path().join("log");
        let arguments = ["-s", "-l", log.to_str().unwrap(), "-w", "-o", &options, "start"];
        // What was killed may be a while in going.
        for _ in 0..50 {
            if self.command("pg_ctl", &arguments).stderr(Stdio::null()).status().unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.run("pg_ctl", &arguments);
    }

    pub(super) fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program, arguments);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = as_owner(self.programs.join(program));
        command.arg("-D").arg(self.data()).args(arguments).current_dir("/").stdout(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process that the others come from.
    fn postmaster(&self) -> u32 {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    /// Every process of it.
    pub(super) fn processes(&self) -> Vec<u32> {
        let postmaster = self.postmaster();
        let mut all = vec![postmaster];
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            if parent == Some(postmaster.to_string().as_str()) {
                all.extend(entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
            }
        }
        all
    }

    pub(super) fn signal(&self, signal: &str, processes: &[u32]) {
        let mut command = Command::new("kill");
        command.arg(signal).args(processes.iter().map(u32::to_string)).stderr(Stdio::null());
        // One of them may have ended by itself.
        let _ = command.status();
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if Path::new(&self.data().join("postmaster.pid")).exists() {
            self.signal("-CONT", &self.processes());
            self.signal("-QUIT", &[self.postmaster()]);
        }
    }
}

/// A program that runs as whoever PostgreSQL runs as: anybody but root.
fn as_owner(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0"
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test installs it"]
fn a_server_that_is_killed_stopped_or_restarted_is_told_of_and_got_over() {
    let server = OwnServer::start();
    let node = Installation::new()
        .with("PORTCULLIS_APP__STORE", &server.url())
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__MAX_STALENESS", "1")
        .start();
    let mut stays = node.client();
    assert_eq!(stays.sign_in("testuser", "testpass").status, 200);
    for fault in ["stopped in the middle", "killed", "one of its processes killed", "shut down at once"] {
        let mut leaves = node.client();
        // That a process of its own was killed, PostgreSQL may notice only now; it restarts all of them then.
        let start = Instant::now();
        while leaves.sign_in("testuser", "testpass").status == 503 {
            assert!(start.elapsed() < Duration::from_secs(5), "it does not come back before it is {fault}");
        }
        assert_eq!(leaves.protected().status, 200);
        let mut left = Client::with(node.address(), &leaves.jar);
        assert_eq!(leaves.logout().status, 200);
        let all = server.processes();
        match fault {
            "stopped in the middle" => server.signal("-STOP", &all),
            "killed" => server.signal("-KILL", &all),
            "one of its processes killed" => server.signal("-KILL", &all[all.len() - 1..]),
            _ => server.run("pg_ctl", &["-m", "immediate", "-w", "stop"]),
        }
        if fault != "one of its processes killed" {
            let start = Instant::now();
            let refused = Client::with(node.address(), &stays.jar).refresh();
            assert_eq!(refused.status, 503, "{fault}: {}", refused.body);
            assert!(start.elapsed() < Duration::from_millis(2500), "{fault}: {:?}", start.elapsed());
            assert_ne!(left.protected().status, 200, "{fault}");
        }
        match fault {
            "stopped in the middle" => server.signal("-CONT", &all),
            // PostgreSQL ends all others for it and begins anew; not before that has begun is it over.
            "one of its processes killed" => std::thread::sleep(Duration::from_millis(500)),
            _ => server.go_on(),
        }
        let start = Instant::now();
        loop {
            match stays.refresh().status {
                200 => break,
                status => assert_eq!(status, 503, "{fault}"),
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{fault}: it does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        while stays.protected().status == 503 {
            assert!(start.elapsed() < Duration::from_secs(10), "{fault}: it does not come back");
        }
        assert_eq!(stays.protected().status, 200, "{fault}");
        assert_eq!((left.protected().status, left.refresh().status), (401, 401), "{fault}");
    }
}

/// The limit of its processes on the size of a file stands for the disk. It is wider than a segment of the log ahead of
/// writing, so that it is met as a full disk is where the tables lie.
#[test]
#[ignore = "needs PostgreSQL; scripts/test installs it"]
fn a_full_disk_of_the_database_is_told_of_and_got_over() {
    let server = OwnServer::start();
    let url = server.url();
    let node = Installation::new()
        .with("PORTCULLIS_APP__STORE", &url)
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__MAX_SESSIONS", "1000")
        .start();
    let [mut stays, mut left] = [(); 2].map(|()| {
        let mut client = node.client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        client
    });
    let copy = left.jar.clone();
    assert_eq!(left.logout().status, 200);
    let fill =
        "INSERT INTO sessions SELECT decode(md5(n::text), 'hex'), 'nobody', '[]', 1, 1, false, 9, 4000000000,
                4000000000, NULL, NULL, false, 1, 1, 1, '', NULL, 'pwd' FROM generate_series(1, 120000) n";
    sql(&url, fill);
    let size = sql(&url, "SELECT pg_relation_size('sessions')");
    assert!(size.parse::<u64>().unwrap() > 17_000_000, "{size}");
    let limit = |limit: &str| {
        for process in server.processes() {
            let limit = format!("--fsize={limit}:unlimited");
            // One of them may have ended by itself.
            let _ = as_owner("prlimit").args(["--pid", &process.to_string(), &limit]).status();
        }
    };
    limit(&size);
    let mut signed_in = 0;
    loop {
        let mut client = node.client();
        let answer = client.sign_in("testuser", "testpass");
        match answer.status {
            200 => signed_in += 1,
            status => {
                assert_eq!((status, answer.code()), (503, "unavailable".to_owned()));
                break;
            }
        }
        assert!(signed_in < 100, "the disk is never full");
    }
    assert_eq!(stays.protected().status, 200, "nothing is asked of the store for that");
    assert_eq!(Client::with(node.address(), &copy).protected().status, 401);
    limit("unlimited");
    let start = Instant::now();
    while node.client().sign_in("testuser", "testpass").status != 200 {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not come back: {}", node.said());
    }
    assert_eq!((stays.refresh().status, stays.protected().status), (200, 200));
    let mut left = Client::with(node.address(), &copy);
    assert_eq!((left.protected().status, left.refresh().status), (401, 401));
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test installs it"]
fn the_certificate_of_the_database_is_checked_as_the_url_asks() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/tls.cert.pem");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/tls.key.pem");
    let server = OwnServer::start_with(|folder| {
        let own = folder.join("key.pem");
        std::fs::copy(key, &own).unwrap();
        std::fs::copy(certificate, folder.join("cert.pem")).unwrap();
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            assert!(Command::new("chown").args(["-R", "postgres"]).arg(folder).status().unwrap().success());
        }
        let folder = folder.display();
        format!("-c ssl=on -c ssl_cert_file={folder}/cert.pem -c ssl_key_file={folder}/key.pem")
    });
    let node = |parameters: &str| {
        Installation::new()
            .with("PORTCULLIS_APP__STORE", &format!("{}?{parameters}", server.url()))
            .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
    };
    let trusted = node(&format!("sslmode=verify-full&sslrootcert={certificate}")).start();
    let mut client = trusted.client();
    assert_eq!((client.sign_in("testuser", "testpass").status, client.refresh().status), (200, 200));
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE NOT ssl AND client_addr IS NOT NULL AND pid <> pg_backend_pid()";
    assert_eq!(sql(&server.url(), plain), "0", "every connection of the node is encrypted");
    drop(trusted);
    // Nobody whom the program trusts by itself has signed that certificate.
    for parameters in ["sslmode=verify-full", "sslmode=verify-ca"] {
        let refused = node(parameters).run(&[], b"");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.to_lowercase().contains("certificate"), "{said}");
    }
}
