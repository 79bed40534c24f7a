//! The real program behind PgBouncer in transaction mode, which gives every transaction another connection.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::fresh;
use super::nodes::{three, time_until_refused};
use crate::binary::client::Client;

struct Pooler {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Pooler {
    /// Stands before the server of this URL, with fewer connections to it than its callers have to the pooler.
    fn before(url: &str) -> Self {
        let server = url.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1;
        let (host, port) = server.rsplit_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={port} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\n",
            free.port()
        );
        std::fs::write(&settings, text).unwrap();
        // It does not run for root.
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
        let mut command = Command::new(if is_root { "runuser" } else { PROGRAM });
        if is_root {
            command.args(["-u", "postgres", "--", PROGRAM]);
        }
        let child = command.arg(&settings).current_dir("/").stderr(Stdio::null()).spawn().unwrap();
        let started = Self { child, address: free, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(free).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer did not start; is it installed?");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }

    /// The same database by way of the pooler.
    fn url(&self, url: &str) -> String {
        format!("postgres://postgres@{}/{}", self.address, url.rsplit_once('/').unwrap().1)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // `runuser` passes only a polite signal on.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer; scripts/test starts them"]
fn behind_a_pooler_nodes_start_again_and_again_and_agree() {
    let direct = fresh();
    let pooler = Pooler::before(&direct);
    let url = pooler.url(&direct);
    for round in 0..3 {
        let nodes = three(&url);
        let mut client = nodes[round].client();
        let signed_in = client.sign_in("testuser", "testpass");
        assert_eq!(signed_in.status, 200, "{}{}", signed_in.body, nodes[round].said());
        std::thread::scope(|scope| {
            for tab in 0..24 {
                let mut tab = Client::with(nodes[tab % 3].address(), &client.jar);
                scope.spawn(move || assert_eq!((tab.refresh().status, tab.protected().status), (200, 200)));
            }
        });
        let left = client.logout();
        assert_eq!(left.status, 200, "{}{}", left.body, nodes[round].said());
        for node in &nodes {
            assert!(time_until_refused(node, &client) < Duration::from_secs(1));
        }
    }
}

const PROGRAM: &str = "/usr/sbin/pgbouncer";
