//! Refreshing while somebody signs out: whichever is first, the session is over.

use std::sync::{Barrier, Mutex};
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
    // Whoever panicked between the barriers would leave the others waiting for ever.
    let surprises = Mutex::new(Vec::new());
    let handed_out: Vec<Pair> = std::thread::scope(|scope| {
        let refresh = |number: usize| {
            let (start, finish, sessions, surprises) = (&start, &finish, &sessions, &surprises);
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
                            if answer.status != 401 {
                                surprises.lock().unwrap().push(format!("{answer:?}"));
                            }
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
            // From here on nothing works; the refreshers are perhaps still at it.
            let signs_of_life = signs_of_life(&mut connection, first);
            if answer.body != r#"{"logout":true}"# || signs_of_life.is_some() {
                surprises.lock().unwrap().push(format!("round {round}: {answer:?}, {signs_of_life:?}"));
            }
            finish.wait();
        }
        refreshers.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(surprises.into_inner().unwrap(), Vec::<String>::new());
    let mut connection = Connection::to(address);
    for pair in &handed_out {
        assert_eq!(signs_of_life(&mut connection, pair), None);
    }
    let close = handed_out.iter().filter(|pair| pair.generation() == 2).count();
    assert!(close > 50, "the race was never close: {close}");

    server.kill();
    let server = installation.start();
    let mut connection = Connection::to(server.address());
    for pair in handed_out.iter().step_by(10) {
        assert_eq!(signs_of_life(&mut connection, pair), None, "after a restart");
    }
}

/// What still works with these tokens, if anything does.
fn signs_of_life(connection: &mut Connection, pair: &Pair) -> Option<String> {
    let mut answers = [connection.protected(pair), connection.refresh(pair)].into_iter();
    answers
        .find(|answer| (answer.status, answer.code().as_str()) != (401, "token_revoked"))
        .map(|answer| format!("{answer:?}"))
}
