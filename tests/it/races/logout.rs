//! Refreshing while somebody signs out: whichever is first, the session is over.

use std::sync::Barrier;
use std::time::Duration;

use super::connection::{Connection, Pair};
use super::{begin_sessions, draw, installation};

const ROUNDS: u64 = 1000;
const REFRESHERS: usize = 2;

#[test]
fn a_refresh_that_races_a_logout_revives_nothing_in_a_thousand_rounds() {
    let installation = installation();
    let server = installation.start();
    let sessions = begin_sessions(&installation.path("data/portcullis.db"), ROUNDS);
    let address = server.address();
    let (start, finish) = (Barrier::new(REFRESHERS + 1), Barrier::new(REFRESHERS + 1));
    let mut refreshed_first = 0;
    let handed_out: Vec<Pair> = std::thread::scope(|scope| {
        let refresh = |number: usize| {
            let (start, finish, sessions) = (&start, &finish, &sessions);
            scope.spawn(move || {
                let mut connection = Connection::to(address);
                let mut got = Vec::new();
                let mut seed = 1000 + number as u64;
                for first in sessions {
                    start.wait();
                    std::thread::sleep(Duration::from_micros(draw(&mut seed) % 2500));
                    // The first refresh, and another with what it brought: one of them meets the logout.
                    let mut pair = first.clone();
                    for _ in 0..2 {
                        let answer = connection.refresh(&pair);
                        let Some(next) = Pair::of(&answer) else {
                            assert_eq!(answer.status, 401, "{answer:?}");
                            break;
                        };
                        got.push(next.clone());
                        pair = next;
                    }
                    finish.wait();
                }
                got
            })
        };
        let refreshers: Vec<_> = (0..REFRESHERS).map(refresh).collect();
        let mut connection = Connection::to(address);
        let mut seed = 1;
        for (round, first) in sessions.iter().enumerate() {
            start.wait();
            std::thread::sleep(Duration::from_micros(draw(&mut seed) % 2500));
            let answer = connection.log_out(first);
            assert_eq!(answer.body, r#"{"logout":true}"#, "round {round}");
            // From here on nothing works; the refreshers are perhaps still at it.
            assert_dead(&mut connection, first, round);
            finish.wait();
        }
        refreshers.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (number, pair) in handed_out.iter().enumerate() {
        refreshed_first += usize::from(pair.generation() == 2);
        assert_dead(&mut Connection::to(address), pair, number);
    }
    assert!(refreshed_first > 50, "the race was never close: {refreshed_first}");

    server.kill();
    let server = installation.start();
    let mut connection = Connection::to(server.address());
    for (number, pair) in handed_out.iter().step_by(10).enumerate() {
        assert_dead(&mut connection, pair, number);
    }
}

fn assert_dead(connection: &mut Connection, pair: &Pair, number: usize) {
    for answer in [connection.protected(pair), connection.refresh(pair)] {
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_revoked"), "{number}: {answer:?}");
    }
}
