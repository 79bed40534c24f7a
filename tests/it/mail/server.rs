//! A mail server that does as it likes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::mail::Arrived;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes everything.
    Fine,
    /// It is about to close (421).
    Busy,
    /// It has nobody of this name (550).
    Refuses,
    /// It takes the message and goes away without a word.
    ClosesAfterData,
    /// It greets and says nothing more.
    Silent,
}

pub(crate) struct MailServer {
    address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            mood: Arc::new(Mutex::new(mood)),
            taken: Arc::default(),
        };
        let (mood, taken) = (Arc::clone(&server.mood), Arc::clone(&server.taken));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), mood, taken) = (stream, *mood.lock().unwrap(), Arc::clone(&taken)) else {
                    continue;
                };
                // Whoever hangs up in the middle has said enough.
                std::thread::spawn(move || drop(converse(stream, mood, &taken)));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn taken(&self) -> Vec<Arrived> {
        self.taken.lock().unwrap().iter().map(|text| Arrived::parse(text)).collect()
    }
}

fn converse(stream: TcpStream, mood: Mood, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    writer.write_all(b"220 a test\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            _ if mood == Mood::Silent => continue,
            "EHLO" | "HELO" => b"250-a test\r\n250 8BITMIME\r\n",
            "MAIL" if mood == Mood::Busy => {
                writer.write_all(b"421 not now\r\n")?;
                return Ok(());
            }
            "RCPT" if mood == Mood::Refuses => b"550 there is no <ada@example.org> here\r\n",
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push_str("\r\n");
                }
                taken.lock().unwrap().push(text);
                if mood == Mood::ClosesAfterData {
                    return Ok(());
                }
                b"250 it is ours\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 goodbye\r\n")?;
                return Ok(());
            }
            _ => b"250 well\r\n",
        };
        writer.write_all(answer)?;
    }
    Ok(())
}
