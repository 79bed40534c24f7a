//! Asks for what wrk cannot: sign-ins, and refreshes whose next token is in the answer before.
//!
//! `asker sign-in|refresh PORT CONNECTIONS SECONDS` prints answers a second, and the median and the 99th percentile in
//! milliseconds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

struct Caller {
    stream: BufReader<TcpStream>,
    cookies: BTreeMap<String, String>,
}

impl Caller {
    fn new(port: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), cookies: BTreeMap::new() })
    }

    fn post(&mut self, path: &str, headers: &str, body: &str) -> Result<(), Error> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: */*\r\n{headers}\
             Cookie: {}\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut is_first) = (String::new(), 0, true);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let text = line.trim_end();
            if is_first && text != "HTTP/1.1 200 OK" {
                return Err(Error::other(format!("{path} was answered {text:?}")));
            }
            is_first = false;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(": ").unwrap_or((text, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').unwrap_or_default();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)
    }

    fn sign_in(&mut self) -> Result<(), Error> {
        self.cookies.clear();
        self.post("/login", "", r#"{"username":"testuser","password":"testpass"}"#)
    }

    fn refresh(&mut self) -> Result<(), Error> {
        let proof = self.cookies.get("csrf_refresh_token").cloned().unwrap_or_default();
        self.post("/refresh", &format!("X-CSRF-TOKEN: {proof}\r\n"), "")
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, port, connections, seconds] = arguments.as_slice() else {
        return Err("asker sign-in|refresh PORT CONNECTIONS SECONDS".into());
    };
    let (connections, seconds) = (connections.parse()?, Duration::from_secs(seconds.parse()?));
    let mut callers = Vec::new();
    for _ in 0..connections {
        let mut caller = Caller::new(port)?;
        caller.sign_in()?;
        callers.push(caller);
    }
    let start = Instant::now();
    let threads: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            let is_refresh = what == "refresh";
            std::thread::spawn(move || -> Result<Vec<Duration>, Error> {
                let mut times = Vec::new();
                while start.elapsed() < seconds {
                    let begun = Instant::now();
                    if is_refresh { caller.refresh()? } else { caller.sign_in()? }
                    times.push(begun.elapsed());
                }
                Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().map_err(|_| "a caller panicked")??);
    }
    let spent = start.elapsed().as_secs_f64();
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    println!("{:.1} {:.2} {:.2}", times.len() as f64 / spent, at(50), at(99));
    Ok(())
}
