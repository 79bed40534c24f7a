//! The method that a form's first field asks for reaches nobody: every request gets a whole answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::binary::server::Installation;

/// Sends a form over a kept connection and reads one whole answer: its status.
fn ask(stream: &mut TcpStream, method: &str, path: &str, body: &str) -> Option<u16> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).ok()?;
    head.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_method_in_a_form_field_costs_nobody_an_answer() {
    let installation = Installation::new();
    let server = installation.start();
    let paths = [
        "/",
        "/login",
        "/logout",
        "/refresh",
        "/protected",
        "/dashboard",
        "/sessions",
        "/sessions/end-others",
        "/sessions/x/end",
        "/account/password",
        "/account/code",
        "/reauthenticate",
        "/people",
        "/people/admin/disable",
        "/.well-known/jwks.json",
        "/static/portcullis.css",
        "/nothing",
    ];
    let methods =
        ["head", "HEAD", "get", "put", "delete", "options", "trace", "connect", "patch", "post", "x"];
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for path in paths {
        // What the same request is answered without the field.
        let plain = ask(&mut stream, "POST", path, "x=1").unwrap();
        for method in methods {
            for field in ["_method", "&_method", "&&_method", "%5Fmethod", "_method[a]"] {
                let body = format!("{field}={method}");
                let answer = ask(&mut stream, "POST", path, &body);
                assert_eq!(answer, Some(plain), "POST {path} with {body}");
            }
        }
        assert_eq!(ask(&mut stream, "GET", "/login", ""), Some(200), "the connection goes on after {path}");
    }
}
