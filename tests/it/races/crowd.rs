//! Many tabs of one browser at the same time, and a network that loses and reorders what it is answered.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::Duration;

use super::connection::{Connection, Pair};
use super::{begin_sessions, draw, installation};
use crate::binary::client::Answer;
use crate::binary::server::{Installation, Server};

fn sign_in(server: &Server) -> Pair {
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    Pair::of_jar(&client.jar)
}

/// So many callers present the same token in the same moment.
pub(super) fn refresh_in_parallel(servers: &[&Server], pair: &Pair, callers: usize) -> Vec<Answer> {
    let barrier = Barrier::new(callers);
    std::thread::scope(|scope| {
        let call = |number: usize| {
            let mut connection = Connection::to(servers[number % servers.len()].address());
            barrier.wait();
            connection.refresh(pair)
        };
        let threads: Vec<_> = (0..callers).map(|number| scope.spawn(move || call(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn fifty_parallel_refreshes_with_one_token_leave_one_live_tip() {
    let installation = Installation::new();
    let server = installation.start();
    let first = sign_in(&server);
    let answers = refresh_in_parallel(&[&server], &first, 50);
    let pairs: Vec<_> = answers.iter().map(|answer| Pair::of(answer).unwrap()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    let mut connection = Connection::to(server.address());
    for pair in &pairs {
        assert_eq!(pair.generation(), 2, "the generation advances by exactly one");
        assert_eq!((&pair.csrf_access, &pair.csrf_refresh), (&first.csrf_access, &first.csrf_refresh));
        assert_eq!(connection.protected(pair).status, 200);
    }
    // Whichever answer arrived last, it is the tip; and there is only one.
    let next: BTreeSet<_> =
        pairs.iter().map(|pair| Pair::of(&connection.refresh(pair)).unwrap().generation()).collect();
    assert_eq!(next, BTreeSet::from([3]));
    assert_eq!(connection.refresh(&first).status, 401, "and the first token is abandoned");
}

#[test]
fn answers_that_are_lost_or_come_in_any_order_sign_nobody_out() {
    let installation = Installation::new();
    let server = installation.start();
    let mut jar = sign_in(&server);
    let mut seed = 42;
    let mut lost = 0;
    for round in 0..100 {
        let mut answers = refresh_in_parallel(&[&server], &jar, 3);
        assert!(answers.iter().all(|answer| answer.status == 200), "round {round}: {answers:?}");
        while !answers.is_empty() {
            let next = usize::try_from(draw(&mut seed)).unwrap() % answers.len();
            let answer = answers.swap_remove(next);
            if draw(&mut seed).is_multiple_of(2) {
                jar = Pair::of(&answer).unwrap();
            } else {
                lost += 1;
            }
        }
        assert_eq!(Connection::to(server.address()).protected(&jar).status, 200, "round {round}");
    }
    assert!((50..250).contains(&lost), "{lost} answers were lost");
}

/// Hung up or not, a request may still be served, also after the next one; as long as that one's answer is not used up
/// in turn, everybody is given the same successor. What if it is, see `rotation::search`.
#[test]
fn a_browser_that_hangs_up_before_the_answer_is_not_signed_out() {
    let installation = installation();
    let server = installation.start();
    let mut seed = 7;
    for (round, jar) in begin_sessions(&installation.path("data/portcullis.db"), 100).iter().enumerate() {
        for _ in 0..3 {
            let mut tab = Connection::to(server.address());
            tab.send_refresh(jar);
            std::thread::sleep(Duration::from_micros(draw(&mut seed) % 3000));
        }
        let mut tab = Connection::to(server.address());
        let answer = tab.refresh(jar);
        assert_eq!(answer.status, 200, "round {round}: {answer:?}");
        let next = Pair::of(&answer).unwrap();
        assert_eq!(next.generation(), 2, "round {round}");
        assert_eq!(tab.protected(&next).status, 200, "round {round}");
        assert_eq!(tab.refresh(jar).status, 200, "round {round}");
        assert_eq!(tab.protected(&next).status, 200, "round {round}");
    }
}
