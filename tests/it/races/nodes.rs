//! Two programs on one database file: what one ends, the other honours; what one hands out, the other takes.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::time::{Duration, Instant};

use super::connection::{Connection, Pair};
use super::crowd::refresh_in_parallel;
use super::{begin_sessions, installation};
use crate::binary::server::Server;

/// The promise of DESIGN and README.
const BOUND: Duration = Duration::from_secs(1);

/// How long it takes until the other program refuses this access token.
fn time_until_refused(server: &Server, pair: &Pair) -> Duration {
    let start = Instant::now();
    let mut connection = Connection::to(server.address());
    while connection.protected(pair).status != 401 {
        assert!(start.elapsed() < Duration::from_secs(10), "it is never refused");
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}

#[test]
fn a_logout_at_one_program_is_honoured_by_the_other_within_a_second() {
    let installation = installation();
    let (one, other) = (installation.start(), installation.start());
    for pair in begin_sessions(&installation.path("data/portcullis.db"), 10) {
        assert_eq!(Connection::to(other.address()).protected(&pair).status, 200);
        let next = Pair::of(&Connection::to(one.address()).refresh(&pair)).unwrap();
        assert_eq!(Connection::to(other.address()).protected(&next).status, 200, "tokens are everybody's");
        assert_eq!(Connection::to(one.address()).log_out(&pair).status, 200);
        // A refresh asks the store, so it is refused at once.
        assert_eq!(Connection::to(other.address()).refresh(&next).status, 401);
        let took = time_until_refused(&other, &next).max(time_until_refused(&other, &pair));
        assert!(took < BOUND, "{took:?}");
    }
}

#[test]
fn a_reuse_found_at_one_program_ends_the_session_at_the_other() {
    let installation = installation().with("PORTCULLIS_AUTH__REFRESH_GRACE", "0");
    let (one, other) = (installation.start(), installation.start());
    let stolen = begin_sessions(&installation.path("data/portcullis.db"), 1).remove(0);
    let victim = Pair::of(&Connection::to(one.address()).refresh(&stolen)).unwrap();
    assert_eq!(Connection::to(one.address()).protected(&victim).status, 200);
    // The first program has told the store what it saw, and the second of the rotation is over.
    std::thread::sleep(Duration::from_millis(1100));
    let answer = Connection::to(other.address()).refresh(&stolen);
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_reused"));
    assert_eq!(Connection::to(other.address()).protected(&victim).status, 401);
    assert!(time_until_refused(&one, &victim) < BOUND);
}

#[test]
fn parallel_refreshes_spread_over_two_programs_leave_one_live_tip() {
    let installation = installation();
    let (one, other) = (installation.start(), installation.start());
    let first = begin_sessions(&installation.path("data/portcullis.db"), 1).remove(0);
    let answers = refresh_in_parallel(&[&one, &other], &first, 30);
    for answer in &answers {
        let pair = Pair::of(answer).unwrap();
        assert_eq!(pair.generation(), 2);
        for server in [&one, &other] {
            assert_eq!(Connection::to(server.address()).protected(&pair).status, 200);
        }
    }
    let replayed = [&one, &other].map(|server| server.said().matches(r#""what":"replayed""#).count());
    assert_eq!(replayed.iter().sum::<usize>(), 29, "exactly one rotated");
}
