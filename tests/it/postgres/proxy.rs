//! A network between the program and its database that can be cut, or made to lose what goes one way.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the network does with what is sent through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Weather {
    Fair,
    /// What the program sends is lost; connections stay open.
    LosesQuestions,
    /// What the database sends is lost; connections stay open.
    LosesAnswers,
    /// Nobody gets through, and everybody is told.
    Refuses,
    /// Each answer takes [`SLOWLY`].
    Slow,
}

/// A proxy on a free port; it goes with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    weather: AtomicU8,
    /// Where it leads.
    server: Mutex<SocketAddr>,
    ends: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Stands before the server of this URL.
    pub(crate) fn before(url: &str) -> Self {
        let server: SocketAddr = server_of(url).parse().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            weather: AtomicU8::new(Weather::Fair as u8),
            server: Mutex::new(server),
            ends: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.is(Weather::Refuses) {
                    continue;
                }
                let server = *shared.server.lock().unwrap();
                let Ok(server) = TcpStream::connect(server) else { continue };
                let ways =
                    [(&client, &server, Weather::LosesQuestions), (&server, &client, Weather::LosesAnswers)];
                for (from, to, loses) in ways {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&shared);
                    std::thread::spawn(move || state.carry(from, to, loses));
                }
                shared.ends.lock().unwrap().extend([client, server]);
            }
        });
        Self { address, state }
    }

    /// The same database by way of the proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace(server_of(url), &self.address.to_string())
    }

    /// From now on it is like this; connections that a worse time has broken are gone.
    pub(crate) fn set(&self, weather: Weather) {
        self.state.weather.store(weather as u8, Ordering::SeqCst);
        if weather == Weather::Refuses {
            self.cut();
        }
    }

    /// From now on it leads to the server of this URL, as an address that moves to another machine does.
    pub(crate) fn lead_to(&self, url: &str) {
        *self.state.server.lock().unwrap() = server_of(url).parse().unwrap();
        self.cut();
    }

    /// Closes every connection.
    pub(crate) fn cut(&self) {
        for end in self.state.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn is(&self, weather: Weather) -> bool {
        self.weather.load(Ordering::SeqCst) == weather as u8
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, loses: Weather) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if loses == Weather::LosesAnswers && self.is(Weather::Slow) {
                std::thread::sleep(SLOWLY);
            }
            if !self.is(loses) && to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Soon enough for a question, too late for several.
const SLOWLY: Duration = Duration::from_millis(200);

/// `host:port` of a URL.
fn server_of(url: &str) -> &str {
    url.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1
}
