//! A caller that keeps its connection and its hands on every token.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::binary::client::{Answer, Jar};
use crate::support::claims;

/// The four values of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) csrf_access: String,
    pub(super) csrf_refresh: String,
}

/// One connection, used for one request after the other.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Pair {
    /// What an answer hands out, if it hands out all four.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let value = |name: &str| {
            let line =
                answer.all("set-cookie").find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            let value = line.split(';').next().unwrap_or_default();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Some(Self {
            access: value("access_token_cookie")?,
            refresh: value("refresh_token_cookie")?,
            csrf_access: value("csrf_access_token")?,
            csrf_refresh: value("csrf_refresh_token")?,
        })
    }

    pub(super) fn of_jar(jar: &Jar) -> Self {
        let value = |name| jar.get(name).unwrap().to_owned();
        Self {
            access: value("access_token_cookie"),
            refresh: value("refresh_token_cookie"),
            csrf_access: value("csrf_access_token"),
            csrf_refresh: value("csrf_refresh_token"),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        let [access, refresh] =
            [&self.access, &self.refresh].map(|token| claims(token)["gen"].as_u64().unwrap());
        assert_eq!(access, refresh);
        access
    }
}

impl Connection {
    pub(super) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(super) fn refresh(&mut self, pair: &Pair) -> Answer {
        self.send_refresh(pair);
        self.receive().unwrap()
    }

    pub(super) fn protected(&mut self, pair: &Pair) -> Answer {
        let head = format!("GET /protected HTTP/1.1\r\nCookie: access_token_cookie={}\r\n", pair.access);
        self.send(&head);
        self.receive().unwrap()
    }

    pub(super) fn log_out(&mut self, pair: &Pair) -> Answer {
        let head = format!("POST /logout HTTP/1.1\r\nCookie: access_token_cookie={}\r\n", pair.access);
        self.send(&head);
        self.receive().unwrap()
    }

    /// Sends a refresh and does not wait for the answer.
    pub(super) fn send_refresh(&mut self, pair: &Pair) {
        self.send(&format!(
            "POST /refresh HTTP/1.1\r\nCookie: refresh_token_cookie={}\r\nX-CSRF-TOKEN: {}\r\n",
            pair.refresh, pair.csrf_refresh
        ));
    }

    /// The next answer; `None` when the other side has gone before it was whole.
    pub(super) fn receive(&mut self) -> Option<Answer> {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let start = head.len();
            if self.stream.read_line(&mut head).unwrap_or(0) == 0 {
                return None;
            }
            let line = head[start..].trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Answer::parse(&[head.as_bytes(), &body].concat()))
    }

    fn send(&mut self, head: &str) {
        let request = format!("{head}Host: portcullis.example\r\nContent-Length: 0\r\n\r\n");
        // A server that was killed is noticed when the answer does not come.
        let _ = self.stream.get_mut().write_all(request.as_bytes());
    }
}
