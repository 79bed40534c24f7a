//! A caller over a real socket: exact bytes out, everything back, and a cookie jar that can be copied.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A caller with its cookies.
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) jar: Jar,
}

/// Cookies by name, in the order in which they were first set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Jar(Vec<(String, String)>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A request under construction.
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: &'a [u8],
}

impl Jar {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Puts a cookie in, instead of the one of this name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// The values of the four cookies of a session.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(name, _)| name.contains("_token")).map(|(_, value)| value.as_str())
    }

    fn line(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn take(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        self.0.retain(|(known, _)| known != name);
        if !attributes.split(';').any(|attribute| attribute.trim() == "Max-Age=0") {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: &[] }
    }

    pub(crate) fn post(path: &'a str) -> Self {
        Self { method: "POST", path, headers: Vec::new(), body: &[] }
    }

    pub(crate) fn delete(path: &'a str) -> Self {
        Self { method: "DELETE", ..Self::get(path) }
    }

    pub(crate) fn json(path: &'a str, body: &'a str) -> Self {
        Self { body: body.as_bytes(), ..Self::post(path) }.header("Content-Type", "application/json")
    }

    pub(crate) fn form(path: &'a str, body: &'a str) -> Self {
        let ask = Self { body: body.as_bytes(), ..Self::post(path) };
        ask.header("Content-Type", "application/x-www-form-urlencoded").header("Accept", "text/html")
    }

    /// Adds a header line, also one that is there already.
    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, jar: Jar::default() }
    }

    /// Whom it asks.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another caller with the same cookies, such as a thief or a restarted server's old visitor.
    pub(crate) fn with(address: SocketAddr, jar: &Jar) -> Self {
        Self { address, jar: jar.clone() }
    }

    /// Sends a request with the jar's cookies and keeps those that come back.
    #[expect(clippy::needless_pass_by_value, reason = "a request is built where it is sent")]
    pub(crate) fn send(&mut self, ask: Ask<'_>) -> Answer {
        let answer = Answer::parse(&raw(self.address, &self.bytes_of(&ask), PATIENCE));
        self.keep_cookies(&answer);
        answer
    }

    /// The same to a server that may be gone: nothing when the answer did not come, or not whole.
    pub(crate) fn try_send(&mut self, ask: &Ask<'_>) -> Option<Answer> {
        let answer = Answer::parse(&try_raw(self.address, &self.bytes_of(ask), PATIENCE).ok()?);
        let length: usize = answer.all("content-length").next()?.parse().ok()?;
        (answer.status != 0 && answer.body.len() == length).then(|| {
            self.keep_cookies(&answer);
            answer
        })
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.all("set-cookie") {
            self.jar.take(line);
        }
    }

    fn bytes_of(&self, ask: &Ask<'_>) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", ask.method, ask.path, self.address);
        if !self.jar.0.is_empty() {
            bytes.push_str(&format!("Cookie: {}\r\n", self.jar.line()));
        }
        for (name, value) in &ask.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", ask.body.len()));
        [bytes.as_bytes(), ask.body].concat()
    }

    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "username": name, "password": password }).to_string();
        self.send(Ask::json("/login", &body))
    }

    pub(crate) fn protected(&mut self) -> Answer {
        self.send(Ask::get("/protected"))
    }

    pub(crate) fn refresh(&mut self) -> Answer {
        let proof = self.jar.get("csrf_refresh_token").unwrap_or_default().to_owned();
        self.send(Ask::post("/refresh").header("X-CSRF-TOKEN", proof))
    }

    pub(crate) fn logout(&mut self) -> Answer {
        self.send(Ask::post("/logout"))
    }
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status: status.unwrap_or_default(), headers, body: body.to_owned() }
    }

    /// The lines of a header; `name` in lower case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends these bytes and reads until the other side closes or nothing comes for so long.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> Vec<u8> {
    try_raw(address, bytes, patience).unwrap()
}

fn try_raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    // A server that has heard enough may close before all is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let _ = stream.shutdown(Shutdown::Both);
    Ok(answer)
}

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
