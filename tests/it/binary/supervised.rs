//! The program and whoever watches over it: a supervisor, a balancer, a container.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};

fn hears(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 64];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

fn ready(server: &Server) -> (u16, String) {
    let answer = server.client().send(Ask::get("/health/ready"));
    (answer.status, answer.body)
}

/// Tells the program to end, as a supervisor does.
fn end(server: &Server) {
    let process = server.process().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
}

#[test]
fn a_supervisor_hears_that_the_program_serves_turns_and_ends() {
    let installation = Installation::new();
    let path = installation.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let installation =
        installation.with("NOTIFY_SOCKET", path.to_str().unwrap()).with("WATCHDOG_USEC", "200000");
    let mut server = installation.start();
    assert_eq!(hears(&socket), "READY=1");
    assert_eq!(ready(&server).0, 200, "what is said is so");
    for _ in 0..3 {
        assert_eq!(hears(&socket), "WATCHDOG=1");
    }
    assert!(server.terminate().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(5);
    while hears(&socket) != "STOPPING=1" {
        assert!(Instant::now() < deadline, "it ends without a word");
    }
}

#[test]
fn a_supervisor_that_is_not_there_or_wants_nothing_is_no_harm() {
    for (socket, span) in [("/nowhere/at/all", "nonsense"), ("@portcullis-nobody-listens", "0"), ("", "-1")] {
        let installation = Installation::new().with("NOTIFY_SOCKET", socket).with("WATCHDOG_USEC", span);
        let mut server = installation.start();
        assert_eq!(ready(&server), (200, r#"{"ready":true}"#.to_owned()), "{socket}");
        assert!(server.terminate().unwrap().success());
    }
}

#[test]
fn a_program_that_ends_sends_others_elsewhere_first() {
    let installation = Installation::new().with("PORTCULLIS_APP__DRAIN", "2");
    let mut server = installation.start();
    assert_eq!(ready(&server), (200, r#"{"ready":true}"#.to_owned()));
    let live = server.client().send(Ask::get("/health/live"));
    assert_eq!((live.status, live.body.as_str()), (200, r#"{"live":true}"#));
    end(&server);
    let start = Instant::now();
    while ready(&server).0 == 200 {
        assert!(start.elapsed() < Duration::from_secs(1), "nobody is sent elsewhere");
    }
    assert_eq!(ready(&server), (503, r#"{"ready":false}"#.to_owned()));
    assert_eq!(server.client().send(Ask::get("/health/live")).status, 200);
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200, "it serves on");
    while server.is_running() {
        assert!(start.elapsed() < Duration::from_secs(15), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() > Duration::from_secs(1), "it has served on for a while");
}

#[test]
fn a_program_that_has_ended_leaves_nothing_behind() {
    let installation = Installation::new();
    let mut server = installation.start();
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert!(installation.path("data/portcullis.db-wal").exists(), "what was written last stands there");
    assert!(server.terminate().unwrap().success());
    let names = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(installation.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("data"), ["portcullis.db", "portcullis.factors.key", "portcullis.key"]);
    assert_eq!(names("tmp"), Vec::<String>::new());
}

#[test]
fn a_container_asks_the_program_itself() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let installation = Installation::new()
        .with("ROCKET_PORT", &port.to_string())
        .with("ROCKET_ADDRESS", "127.0.0.1")
        .with("PORTCULLIS_APP__DRAIN", "5");
    let ask = || {
        let output = installation.run(&["health"], b"");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        (output.status.success(), text)
    };
    let (is_ready, told) = ask();
    assert!(!is_ready && told.starts_with("Nobody answers at "), "{told}");
    let server = installation.start();
    assert_eq!(ask(), (true, format!("The server at 127.0.0.1:{port} is ready.\n")));
    end(&server);
    let start = Instant::now();
    while ask().0 {
        assert!(start.elapsed() < Duration::from_secs(3), "it is ready until the end");
    }
    assert!(ask().1.contains("is not ready: it answers 503"), "{}", ask().1);
}

#[test]
#[ignore = "needs systemd-analyze; scripts/test installs it"]
fn the_unit_exposes_little() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/portcullis.service");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager", unit])
        .output()
        .expect("systemd-analyze is not there; run scripts/test");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    let text = std::fs::read_to_string(unit).unwrap();
    assert!(text.contains("Type=notify") && text.contains("WatchdogSec="));
}
