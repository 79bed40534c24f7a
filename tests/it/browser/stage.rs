//! A small HTTP server for pages that the application itself does not serve: another site's, or one of its own templates.
//!
//! It knows GET alone, and is no example of a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A page and its media type.
pub(super) struct Shown(pub(super) &'static str, pub(super) String);

/// A server that runs; dropped, it stops.
pub(super) struct Stage {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Stage {
    /// Serves what `show` makes of a path; nothing is 404.
    pub(super) fn open(show: impl Fn(&str) -> Option<Shown> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, show) = (Arc::clone(&is_over), Arc::new(show));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let show = Arc::clone(&show);
                // A browser opens connections that it may not use.
                std::thread::spawn(move || answer(stream, &*show));
            }
        });
        Self { address, is_over }
    }

    /// Its address under a name that is another site than the application's `127.0.0.1`.
    pub(super) fn another_site(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Its address on the application's own host: the same site, as a browser sees it, but another origin.
    pub(super) fn another_port(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut stream: TcpStream, show: &dyn Fn(&str) -> Option<Shown>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or("/");
    let (status, Shown(kind, body)) = match show(path) {
        Some(shown) => ("200 OK", shown),
        None => ("404 Not Found", Shown("text/plain", String::new())),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes());
}
