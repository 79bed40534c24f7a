//! Traces: a collector is sent what took how long, and nothing of whom it was about.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::binary::client::Ask;
use crate::binary::server::Installation;

/// A span, as it was sent.
#[derive(Debug, Clone, Default)]
struct Span {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    attributes: BTreeMap<String, String>,
    links: Vec<Vec<u8>>,
    is_failure: bool,
}

/// Takes what is sent to it.
#[derive(Clone)]
struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn listening(listener: TcpListener) -> Self {
        let collector = Self { address: listener.local_addr().unwrap(), taken: Arc::default() };
        let it = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let it = it.clone();
                std::thread::spawn(move || it.take_from(&stream.unwrap()));
            }
        });
        collector
    }

    fn take_from(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            assert!(head.to_lowercase().contains("content-type: application/x-protobuf"), "{head}");
            let length = head.to_lowercase().split("content-length: ").nth(1).unwrap().to_owned();
            let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            self.taken.lock().unwrap().push(body);
            let answer =
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
            let mut out = stream;
            out.write_all(answer.as_bytes()).unwrap();
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.taken.lock().unwrap().concat()
    }

    fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().iter().flat_map(|body| spans(body)).collect()
    }
}

/// The fields of a message (<https://protobuf.dev/programming-guides/encoding/>): number, and bytes or a number.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8], u64)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (content, number) = match key & 7 {
            0 => (&bytes[..0], varint(&mut bytes)),
            1 => (split(&mut bytes, 8), 0),
            2 => {
                let length = varint(&mut bytes);
                (split(&mut bytes, usize::try_from(length).unwrap()), 0)
            }
            5 => (split(&mut bytes, 4), 0),
            other => unreachable!("wire type {other}"),
        };
        found.push((key >> 3, content, number));
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = split(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn split<'a>(bytes: &mut &'a [u8], at: usize) -> &'a [u8] {
    let (first, rest) = bytes.split_at(at);
    *bytes = rest;
    first
}

fn inside(message: &[u8], field: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter(move |(number, ..)| *number == field).map(|(_, content, _)| content)
}

/// `ExportTraceServiceRequest` of opentelemetry-proto 1.
fn spans(body: &[u8]) -> Vec<Span> {
    let scopes = inside(body, 1).flat_map(|resource| inside(resource, 2)).collect::<Vec<_>>();
    let messages = scopes.into_iter().flat_map(|scope| inside(scope, 2));
    messages.map(span).collect()
}

fn span(message: &[u8]) -> Span {
    let mut span = Span::default();
    for (number, content, _) in fields(message) {
        match number {
            1 => span.trace = content.to_vec(),
            2 => span.id = content.to_vec(),
            4 => span.parent = content.to_vec(),
            5 => span.name = String::from_utf8(content.to_vec()).unwrap(),
            9 => {
                let key = inside(content, 1).next().unwrap().to_vec();
                let value = fields(inside(content, 2).next().unwrap());
                let (kind, text, number) = value[0];
                let text = match kind {
                    1 => String::from_utf8(text.to_vec()).unwrap(),
                    _ => number.to_string(),
                };
                span.attributes.insert(String::from_utf8(key).unwrap(), text);
            }
            13 => span.links.push(inside(content, 1).next().unwrap().to_vec()),
            15 => {
                span.is_failure = fields(content).iter().any(|(number, _, code)| (*number, *code) == (3, 2));
            }
            _ => {}
        }
    }
    span
}

fn soon<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_collector_learns_what_took_how_long_and_nothing_of_whom_it_was_about() {
    let collector = Collector::start();
    let installation =
        Installation::new().with("PORTCULLIS_APP__TRACES", &format!("http://{}", collector.address));
    let mut server = installation.start();
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    assert_eq!(client.sign_in("testuser", "wrong-secret").status, 401);
    let theirs = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{theirs}-b7ad6b7169203331-00");
    let ask = Ask::get("/sessions")
        .header("traceparent", parent)
        .header("tracestate", "their=word")
        .header("X-Request-Id", "told");
    assert_eq!(client.send(ask).status, 200);
    for odd in ["", "00-0-0-0", "ff-zz", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
        assert_eq!(client.send(Ask::get("/health/live?secret=query").header("traceparent", odd)).status, 200);
    }
    let tokens: Vec<String> = client.jar.tokens().map(str::to_owned).collect();
    assert!(tokens.len() >= 2);
    // What is left is sent at the end.
    assert!(server.terminate().unwrap().success());

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
    let logins = named("POST /login");
    let statuses: Vec<_> =
        logins.iter().map(|span| span.attributes["http.response.status_code"].clone()).collect();
    assert_eq!(statuses, ["200", "401"]);
    for login in &logins {
        assert!(login.parent.is_empty() && !login.is_failure);
        let parts: Vec<_> =
            spans.iter().filter(|span| span.trace == login.trace && !span.parent.is_empty()).collect();
        assert!(parts.iter().any(|part| part.name == "password hash"), "{parts:?}");
        assert!(parts.iter().any(|part| part.name == "store call"), "{parts:?}");
    }
    // The session is kept by a task of its own, which is a part of the request all the same.
    let kept = |login: &Span| {
        spans.iter().filter(|span| span.trace == login.trace && span.name == "store call").count()
    };
    assert!(kept(&logins[0]) > kept(&logins[1]), "{} {}", kept(&logins[0]), kept(&logins[1]));

    let asked = named("GET /sessions").remove(0);
    assert_eq!(asked.links, [hex(theirs)]);
    assert!(asked.trace != hex(theirs) && asked.parent.is_empty(), "a stranger names no trace of ours");
    assert_eq!(asked.attributes["http.route"], "/sessions");
    assert_eq!(asked.attributes["http.request.method"], "GET");
    assert!(!asked.attributes["portcullis.request"].is_empty());
    assert!(named("GET /health/live").iter().all(|span| span.links.is_empty()));
    assert_eq!(named("GET /health/live").len(), 4);
    // Looking for news, which is nobody's request, is no trace.
    assert!(named("store call").iter().all(|span| !span.parent.is_empty()));
    let keys: std::collections::BTreeSet<_> =
        spans.iter().flat_map(|span| span.attributes.keys().cloned()).collect();
    let known = ["http.request.method", "http.response.status_code", "http.route", "portcullis.request"];
    assert_eq!(keys, known.map(str::to_owned).into(), "nothing else is told");
    let bytes = collector.bytes();
    let words = ["testuser", "testpass", "wrong-secret", "127.0.0.1", "their=word", "secret=query"]
        .map(str::to_owned);
    for word in words.iter().chain(&tokens) {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} was told");
    }
    assert!(!server.said().contains("traces"), "{}", server.said());
}

#[test]
fn a_collector_that_is_away_keeps_nobody_waiting_and_is_told_of_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let installation = Installation::new()
        .with("PORTCULLIS_APP__TRACES", &format!("http://{address}/"))
        .with("OTEL_BSP_SCHEDULE_DELAY", "50");
    let mut server = installation.start();
    let mut client = server.client();
    let told = |server: &crate::binary::server::Server| {
        server.said().matches("nobody takes traces (app.traces)").count()
    };
    soon(|| {
        assert_eq!(client.send(Ask::get("/health/live")).status, 200);
        (told(&server) == 1).then_some(())
    });
    for _ in 0..20 {
        assert_eq!(client.send(Ask::get("/health/live")).status, 200);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(told(&server), 1, "{}", server.said());
    // It comes back, and is sent what happens from then on.
    let collector = Collector::listening(TcpListener::bind(address).unwrap());
    soon(|| {
        assert_eq!(client.send(Ask::get("/protected")).status, 401);
        collector.spans().iter().any(|span| span.name == "GET /protected").then_some(())
    });
    soon(|| server.said().contains("traces are taken again").then_some(()));
    assert!(server.terminate().unwrap().success());
}

#[test]
fn a_share_of_none_sends_none() {
    let collector = Collector::start();
    let installation = Installation::new()
        .with("PORTCULLIS_APP__TRACES", &format!("http://{}", collector.address))
        .with("PORTCULLIS_APP__TRACED_SHARE", "0.0");
    let mut server = installation.start();
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert!(server.terminate().unwrap().success());
    assert!(collector.spans().is_empty());
}

#[test]
fn an_address_that_is_none_and_a_share_that_is_none_are_told() {
    for (key, value, line) in [
        ("PORTCULLIS_APP__TRACES", "collector:4318", "app.traces: must be the address of a collector"),
        ("PORTCULLIS_APP__TRACES", "http://name:word@host", "app.traces: must be the address of a collector"),
        ("PORTCULLIS_APP__TRACES", "ftp://host", "app.traces: must be the address of a collector"),
        ("PORTCULLIS_APP__TRACES", "http://", "app.traces: must be the address of a collector"),
    ] {
        let output = Installation::new().with(key, value).run(&["check-config"], b"");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(line), "{value}: {told}");
        assert!(!told.contains("word"), "{told}");
    }
    for share in ["1.5", "-0.1"] {
        let installation = Installation::new()
            .with("PORTCULLIS_APP__TRACES", "http://127.0.0.1:4318")
            .with("PORTCULLIS_APP__TRACED_SHARE", share);
        let output = installation.run(&["check-config"], b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("app.traced_share: must be 0 to 1"), "{share}: {told}");
    }
}
