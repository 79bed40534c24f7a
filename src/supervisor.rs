//! What the program says to whoever started it and watches over it, by the protocol of `sd_notify(3)`: that it serves, that it
//! still turns, that it ends. Without anybody who listens it says nothing.

use std::time::Duration;

#[cfg(unix)]
use std::os::unix::net::UnixDatagram;

/// Whoever watches over the program.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    #[cfg(unix)]
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Whoever the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` for how often it wants to hear of the program.
    pub(crate) fn of_environment() -> Self {
        Self {
            #[cfg(unix)]
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|name| connected(&name)),
            watchdog: watchdog(),
        }
    }

    /// The program serves.
    pub(crate) fn serving(&self) {
        self.say("READY=1");
    }

    /// The program is about to end.
    pub(crate) fn ending(&self) {
        self.say("STOPPING=1");
    }

    /// Says that the event loop turns, twice as often as it has to be heard; never comes back.
    pub(crate) async fn turning(&self) {
        let Some(span) = self.watchdog else { return std::future::pending().await };
        loop {
            self.say("WATCHDOG=1");
            rocket::tokio::time::sleep(span / 2).await;
        }
    }

    fn say(&self, word: &str) {
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            // Nobody is helped by a program that ends because its watcher is deaf.
            let _ = socket.send(word.as_bytes());
        }
    }
}

/// A path, or with an `@` before it a name that is in no file system.
#[cfg(unix)]
fn connected(name: &std::ffi::OsStr) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    match name.to_str().and_then(|name| name.strip_prefix('@')) {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?;
            socket.connect_addr(&address).ok()?;
        }
        _ => socket.connect(name).ok()?,
    }
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

fn watchdog() -> Option<Duration> {
    let of = |name| std::env::var(name).ok();
    // It may be meant for another program, whose child this is.
    let is_ours = of("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
    let micros = of("WATCHDOG_USEC")?.parse::<u64>().ok()?;
    (is_ours && micros > 0).then(|| Duration::from_micros(micros))
}
