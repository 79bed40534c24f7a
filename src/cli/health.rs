//! `portcullis health`: asks the server that runs with these settings whether it is ready; for containers, which have nothing
//! else to ask with.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use portcullis::settings;

use super::{Problems, say};

pub(crate) fn run() -> Result<(), Problems> {
    let config = rocket::Config::try_from(settings::figment()).map_err(|error| vec![error.to_string()])?;
    let ip = match config.address {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, config.port);
    let away = |error: std::io::Error| vec![format!("Nobody answers at {address}: {error}")];
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(away)?;
    if config.tls_enabled() {
        return say(format!(
            "Somebody takes connections at {address}; with TLS of its own nothing more is asked."
        ));
    }
    match status(stream).map_err(away)? {
        Some(200) => say(format!("The server at {address} is ready.")),
        Some(status) => Err(vec![format!("The server at {address} is not ready: it answers {status}.")]),
        None => Err(vec![format!("What answers at {address} speaks no HTTP.")]),
    }
}

/// The status of the answer.
fn status(mut stream: TcpStream) -> std::io::Result<Option<u16>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(
        b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
    )?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let head = std::str::from_utf8(&head).ok();
    Ok(head.and_then(|head| head.strip_prefix("HTTP/1.1 ")?.parse().ok()))
}

const PATIENCE: Duration = Duration::from_secs(2);
