//! One kept connection, spoken by hand: a request goes out, and its whole answer comes back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Every path of the application, with a value for each parameter.
pub(crate) fn paths() -> Vec<String> {
    let mut paths: Vec<_> = portcullis::routes::routes()
        .iter()
        .map(|route| {
            let parts = route.uri.path().split('/');
            parts.map(|part| if part.starts_with('<') { "x" } else { part }).collect::<Vec<_>>().join("/")
        })
        .collect();
    paths.extend(["/people/admin/disable", "/static/portcullis.css", "/nothing"].map(str::to_owned));
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

pub(crate) struct Wire {
    address: SocketAddr,
    stream: TcpStream,
}

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, stream: connect(address) }
    }

    /// Sends a request and reads its answer: the status, and nothing when the answer is not whole.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Option<u16> {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" {
            self.stream.read_exact(&mut vec![0; length]).ok()?;
        }
        if head.contains("connection: close") {
            self.stream = connect(self.address);
        }
        Some(status)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
