//! Connections that nobody uses do not stay, and do not keep others out.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// After how many seconds the other side closes.
fn closed_after(mut stream: TcpStream, begun: Instant) -> u64 {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    begun.elapsed().as_secs()
}

#[test]
fn silent_connections_half_heads_and_first_bytes_that_trickle_in_are_closed() {
    let installation = Installation::new();
    let server = installation.start();
    let begun = Instant::now();
    let (silent, mut half, mut trickling, mut form) =
        (connect(&server), connect(&server), connect(&server), connect(&server));
    half.write_all(b"GET /login HTTP/1.1\r\nHost: x\r\nAccept: ").unwrap();
    form.write_all(
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
          Content-Length: 500\r\n\r\na=b",
    )
    .unwrap();
    let mut drips = trickling.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        let _ = drips.write_all(b"GET /login HTTP/1.1\r\nHost: x\r\nAccept: ");
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(500));
            if drips.write_all(b"x").is_err() {
                return;
            }
        }
    });
    for (what, stream) in [("silent", silent), ("half", half), ("form", form)] {
        let seconds = closed_after(stream, begun);
        assert!((9..=14).contains(&seconds), "{what}: {seconds} s");
    }
    let mut rest = [0; 1];
    assert!(matches!(trickling.read(&mut rest), Ok(0) | Err(_)));
    assert!(begun.elapsed().as_secs() <= 20, "trickling");
    drip.join().unwrap();
    assert_eq!(server.client().send(Ask::get("/login")).status, 200);
}

#[test]
fn an_idle_connection_is_closed_after_keep_alive_and_serves_until_then() {
    let installation = Installation::new().with("ROCKET_KEEP_ALIVE", "3");
    let server = installation.start();
    let mut stream = connect(&server);
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1000));
        stream
            .write_all(b"GET /static/nothing HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n")
            .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut rest = [0; 4096];
        while stream.read(&mut rest).is_ok_and(|count| count == rest.len()) {}
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    }
    let begun = Instant::now();
    assert!((2..=6).contains(&closed_after(stream, begun)));
}

#[test]
fn sixty_silent_connections_at_a_limit_of_sixty_four_descriptors_keep_nobody_out() {
    let installation = Installation::new();
    let mut command = installation.command("prlimit");
    command.arg("--nofile=64:64").arg(env!("CARGO_BIN_EXE_portcullis"));
    let server = installation.start_by(command);
    let silent: Vec<_> = (0..60).map(|_| connect(&server)).collect();
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(server.client().send(Ask::get("/login")).status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(silent);
    assert!(server.said().contains("leaves room for"), "{}", server.said());
}
