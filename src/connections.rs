//! Which connections may stay?
//!
//! Rocket 0.5 accepts connections as long as there are descriptors and closes none of them: a caller who says nothing, or
//! half a head, holds one for ever, and some sixty of them stop a service that may have sixty-four descriptors.
//! Its listener cannot be replaced, so this stands beside it. It notes when a request of a connection begins and ends,
//! looks at the sockets of this process once a second, and shuts down
//!
//! - a new connection whose first request has not begun after [`FIRST_REQUEST`]: silent, half a head, or a head or the first
//!   bytes of a form that trickle in;
//! - one that lay idle, or sends its next head, for longer than Rocket's `keep_alive`, of which 75 s are the default here;
//! - the ones that are silent the longest when there are more than descriptors allow, of which some are kept in reserve.
//!
//! A request that is being answered is left alone; its body has deadlines of its own.
//! Where the process cannot see its sockets (anything but Linux) a line at start says so: there a proxy in front has to.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Orbit, Request, Response, Rocket};

use crate::auth::Clock;

/// Ends connections that nobody uses.
pub(crate) struct Connections {
    clock: Arc<dyn Clock>,
    table: Arc<Table>,
}

/// What is known of the connections, by the caller's address and port.
#[derive(Default)]
struct Table([Mutex<ByPeer>; SHARDS]);

/// There are as many entries as connections, so nobody fills it with addresses of their choice, and a quick hash will do.
type ByPeer = HashMap<SocketAddr, Seen, RandomState>;

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When it was first seen, or when its last request ended.
    since: Duration,
    /// Whether a request is being answered.
    is_busy: bool,
    /// Whether there ever was one.
    is_used: bool,
}

/// For how long a connection may be silent.
#[derive(Debug, Clone, Copy)]
struct Patience {
    first_request: Duration,
    idle: Option<Duration>,
    /// How many connections there may be.
    most: usize,
}

impl Seen {
    /// A connection that has not asked for anything.
    const fn silent_since(since: Duration) -> Self {
        Self { since, is_busy: false, is_used: false }
    }
}

impl Connections {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Arc::default() }
    }
}

impl Table {
    fn shard(&self, peer: &SocketAddr) -> MutexGuard<'_, ByPeer> {
        let [first, ..] = &self.0;
        let shard = self.0.get(usize::from(peer.port()) % SHARDS).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    fn begin(&self, peer: SocketAddr, clock: &dyn Clock) {
        let mut shard = self.shard(&peer);
        let seen = shard.entry(peer).or_insert_with(|| Seen::silent_since(clock.monotonic()));
        (seen.is_busy, seen.is_used) = (true, true);
    }

    /// A request has been answered.
    fn end(&self, peer: SocketAddr, now: Duration) {
        self.shard(&peer).insert(peer, Seen { since: now, is_busy: false, is_used: true });
    }

    /// What is known of this connection, which exists now.
    fn look(&self, peer: SocketAddr, now: Duration) -> Seen {
        *self.shard(&peer).entry(peer).or_insert_with(|| Seen::silent_since(now))
    }

    /// Forgets the connections that are no more.
    fn keep(&self, is_there: impl Fn(&SocketAddr) -> bool) {
        for shard in &self.0 {
            shard.lock().unwrap_or_else(PoisonError::into_inner).retain(|peer, _| is_there(peer));
        }
    }
}

impl Patience {
    /// Which of these connections have to go; the others may stay.
    fn judge<T: Copy>(self, connections: &[(T, Seen)], now: Duration) -> Vec<T> {
        let is_late = |seen: Seen| {
            let limit = if seen.is_used { self.idle } else { Some(self.first_request) };
            !seen.is_busy && limit.is_some_and(|limit| now.saturating_sub(seen.since) >= limit)
        };
        let (late, mut fine): (Vec<_>, Vec<_>) = connections.iter().partition(|(_, seen)| is_late(*seen));
        let surplus = fine.len().saturating_sub(self.most);
        // Those who never asked anything first, then who has been silent the longest.
        fine.sort_by_key(|(_, seen)| (seen.is_busy, seen.is_used, seen.since));
        late.into_iter().chain(fine.into_iter().take(surplus)).map(|(one, _)| one).collect()
    }
}

#[rocket::async_trait]
impl Fairing for Connections {
    fn info(&self) -> Info {
        Info { name: "Connections", kind: Kind::Liftoff | Kind::Request | Kind::Response }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        let config = rocket.config();
        let (port, keep_alive) = (config.port, Duration::from_secs(config.keep_alive.into()));
        let most = match sockets::room() {
            Ok(room) => room.min(MOST),
            Err(problem) => {
                tracing::warn!(
                    "{problem}, so silent connections are never closed: put a proxy in front that does, as SECURITY.md says"
                );
                return;
            }
        };
        if most < FEW {
            tracing::warn!(
                "the limit of descriptors leaves room for {most} connections; raise it (ulimit -n)"
            );
        }
        let idle = (!keep_alive.is_zero()).then_some(keep_alive);
        let patience = Patience { first_request: FIRST_REQUEST, idle, most };
        let (table, clock, shutdown) = (Arc::clone(&self.table), Arc::clone(&self.clock), rocket.shutdown());
        tokio::spawn(watch(table, clock, port, patience, shutdown));
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if let Some(peer) = request.remote() {
            self.table.begin(peer, &*self.clock);
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, _: &mut Response<'r>) {
        if let Some(peer) = request.remote() {
            self.table.end(peer, self.clock.monotonic());
        }
    }
}

/// Looks at the sockets until shutdown, which ends them all by itself.
async fn watch(
    table: Arc<Table>,
    clock: Arc<dyn Clock>,
    port: u16,
    patience: Patience,
    mut shutdown: rocket::Shutdown,
) {
    let mut spare = sockets::Spare::take();
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_told = false;
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {}
        }
        let (table, now) = (Arc::clone(&table), clock.monotonic());
        let round = tokio::task::spawn_blocking(move || {
            let count = look(&table, port, patience, now, &mut spare);
            (count, spare)
        });
        let Ok((count, kept)) = round.await else { return };
        spare = kept;
        let is_full = count > patience.most;
        if is_full && !is_told {
            tracing::warn!(
                connections = count,
                "there are more connections than descriptors allow; the silent ones are closed"
            );
        }
        is_told = is_full;
    }
}

/// Shuts down the connections that have to go; how many there were.
fn look(table: &Table, port: u16, patience: Patience, now: Duration, spare: &mut sockets::Spare) -> usize {
    let open = sockets::open_at(port, spare);
    let seen: Vec<_> = open.iter().map(|one| (*one, table.look(one.peer, now))).collect();
    for one in patience.judge(&seen, now) {
        sockets::close(one);
    }
    let there: HashSet<_> = open.iter().map(|one| one.peer).collect();
    table.keep(|peer| there.contains(peer));
    open.len()
}

#[cfg(target_os = "linux")]
mod sockets {
    //! The sockets of this process, as Linux shows them.

    use std::fs::File;
    use std::net::SocketAddr;
    use std::os::fd::RawFd;

    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use nix::sys::socket::{Shutdown, SockaddrStorage, getpeername, getsockname, shutdown};

    /// A connection that somebody made to us.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Open {
        descriptor: RawFd,
        pub(super) peer: SocketAddr,
    }

    /// Descriptors that are kept, so that looking at them works when there are no others.
    pub(super) struct Spare(Vec<File>);

    impl Spare {
        pub(super) fn take() -> Self {
            Self((0..SPARE).map_while(|_| File::open("/dev/null").ok()).collect())
        }
    }

    /// Raises the limit of descriptors as far as it goes; how many connections it leaves room for.
    pub(super) fn room() -> Result<usize, String> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
        let wanted = hard.min(ENOUGH).max(soft);
        // Where that is forbidden the lower limit stays.
        let limit = if setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() { wanted } else { soft };
        let used = std::fs::read_dir(DESCRIPTORS)
            .map_err(|_| "this process cannot see its descriptors".to_owned())?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(limit.saturating_sub(used.count() + SPARE + RESERVE).max(1))
    }

    /// The connections that were made to this port.
    pub(super) fn open_at(port: u16, spare: &mut Spare) -> Vec<Open> {
        spare.0.clear();
        let entries = std::fs::read_dir(DESCRIPTORS).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
        let open = numbers.filter_map(|descriptor| made_to(port, descriptor)).collect();
        *spare = Spare::take();
        open
    }

    fn made_to(port: u16, descriptor: RawFd) -> Option<Open> {
        let peer = address(&getpeername(descriptor).ok()?)?;
        let own = address(&getsockname(descriptor).ok()?)?;
        (own.port() == port).then_some(Open { descriptor, peer })
    }

    /// Ends a connection for both sides; whoever serves it reads its end and gives the descriptor back.
    pub(super) fn close(open: Open) {
        // The descriptor may be somebody else's by now.
        if getpeername(open.descriptor).ok().and_then(|peer| address(&peer)) == Some(open.peer) {
            let _ = shutdown(open.descriptor, Shutdown::Both);
        }
    }

    fn address(found: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = found.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| found.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
    }

    const DESCRIPTORS: &str = "/proc/self/fd";
    /// As many as a server of this kind can use.
    const ENOUGH: u64 = 65_536;
    const SPARE: usize = 3;
    /// For the store, and for connections that come between two looks.
    const RESERVE: usize = 12;
}

#[cfg(not(target_os = "linux"))]
mod sockets {
    //! Nothing is known of them here.

    use std::net::SocketAddr;

    #[derive(Debug, Clone, Copy)]
    pub(super) struct Open {
        pub(super) peer: SocketAddr,
    }

    pub(super) struct Spare;

    impl Spare {
        pub(super) fn take() -> Self {
            Self
        }
    }

    pub(super) fn room() -> Result<usize, String> {
        Err("this system does not show a process its sockets".to_owned())
    }

    pub(super) fn open_at(_: u16, _: &mut Spare) -> Vec<Open> {
        Vec::new()
    }

    pub(super) fn close(_: Open) {}
}

/// What a head and the first bytes of a body may take.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(500);
/// Each takes some ten KiB; those that are silent the longest make room for the next.
const MOST: usize = 8_192;
/// A limit that leaves room for fewer is told.
const FEW: usize = 200;
const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const PATIENCE: Patience = Patience { first_request: seconds(10), idle: Some(seconds(75)), most: 3 };

    const fn seen(since: u64, is_busy: bool, is_used: bool) -> Seen {
        Seen { since: seconds(since), is_busy, is_used }
    }

    #[test]
    fn the_silent_go_when_their_time_is_over_and_the_busy_stay() {
        let all = [
            ("silent", seen(0, false, false)),
            ("idle", seen(0, false, true)),
            ("busy", seen(0, true, true)),
        ];
        for (now, expected) in [(9, &[][..]), (10, &["silent"]), (74, &["silent"]), (75, &["silent", "idle"])]
        {
            assert_eq!(PATIENCE.judge(&all, seconds(now)), expected, "{now}");
        }
        let for_ever = Patience { idle: None, ..PATIENCE };
        assert_eq!(for_ever.judge(&all, seconds(1_000_000)), ["silent"]);
    }

    #[test]
    fn of_too_many_the_silent_ones_go_first_and_then_the_idle_ones() {
        let all = [
            ("busy", seen(1, true, true)),
            ("idle longer", seen(1, false, true)),
            ("idle", seen(2, false, true)),
            ("silent longer", seen(1, false, false)),
            ("silent", seen(2, false, false)),
        ];
        let most = |most| Patience { most, ..PATIENCE }.judge(&all, seconds(3));
        assert_eq!(most(5), Vec::<&str>::new());
        assert_eq!(most(2), ["silent longer", "silent", "idle longer"]);
    }

    #[test]
    fn connections_that_are_no_more_are_forgotten() {
        let table = Table::default();
        for port in 1..1000 {
            table.end(SocketAddr::from(([192, 0, 2, 1], port)), seconds(1));
        }
        table.keep(|peer| peer.port() == 7);
        let left: usize = table.0.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert_eq!(left, 1);
    }
}
