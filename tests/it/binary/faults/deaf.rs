//! Whoever does not read what the program says, and whoever sends half a request, stops nobody and no stop.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary::client::Client;
use crate::binary::server::Installation;

fn signal(process: u32) {
    let command = format!("kill -TERM {process}");
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
}

#[test]
fn a_log_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let installation = Installation::new().with("ROCKET_IP_HEADER", "X-Real-IP");
    let mut child = installation
        .command(env!("CARGO_BIN_EXE_portcullis"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    let address: SocketAddr = line.trim().rsplit('/').next().unwrap().parse().unwrap();

    // Many times what the pipe and the queue hold: an event each for signing in and for signing out.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::new(address);
                assert_eq!(client.sign_in("testuser", "testpass").status, 200);
                for _ in 0..500 {
                    let answer = client.sign_in("testuser", "wrong");
                    assert!([401, 429, 503].contains(&answer.status), "{answer:?}");
                }
            });
        }
    });
    let mut client = Client::new(address);
    assert_eq!(client.protected().status, 401, "who reads the log has no part in that");

    signal(child.id());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(15), "the end waits for a log that nobody reads");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// Three bytes of a body that was announced as 500.
fn half_a_request(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"u";
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stream
}

#[test]
fn half_a_request_holds_no_stop_for_longer_than_eight_seconds() {
    let installation = Installation::new();
    let mut server = installation.start();
    let _held = half_a_request(server.address());
    let began = Instant::now();
    assert!(server.terminate().is_some());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let installation = Installation::new();
    let mut server = installation.start();
    let _held = half_a_request(server.address());
    signal(server.process());
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert!(server.is_running());
    assert!(server.terminate().is_some());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
