//! A thief with a copy of the cookies, outside the grace window, in every place of the order.

use std::net::SocketAddr;
use std::time::Duration;

use super::connection::{Connection, Pair};
use super::{begin_sessions, installation};

/// Who comes next; each refreshes with what it holds and then opens a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Victim,
    Thief,
}
use Who::{Thief, Victim};

const ORDERS: [&[Who]; 7] = [
    &[Thief, Victim],
    &[Victim, Thief],
    &[Thief, Thief, Victim],
    &[Victim, Victim, Thief],
    &[Thief, Thief, Thief, Victim],
    &[Victim, Victim, Victim, Thief],
    // Never in one order for long: whoever is second is found out.
    &[Thief, Victim, Thief, Victim],
];

#[test]
fn a_stolen_token_ends_the_session_within_one_rotation_wherever_the_thief_stands() {
    let installation = installation().with("PORTCULLIS_AUTH__REFRESH_GRACE", "0");
    let server = installation.start();
    let count = ORDERS.len() as u64 * 3;
    let mut sessions = begin_sessions(&installation.path("data/portcullis.db"), count).into_iter();
    let address = server.address();
    std::thread::scope(|scope| {
        for order in ORDERS {
            // The theft comes after so many refreshes of the victim's.
            for stolen_after in 0..3 {
                let session = sessions.next().unwrap();
                scope.spawn(move || play(address, session, order, stolen_after));
            }
        }
    });
    let reused = server.said().matches(r#""what":"reused""#).count();
    assert_eq!(reused as u64, count, "each theft is told once");
}

fn play(address: SocketAddr, session: Pair, order: &[Who], stolen_after: usize) {
    let mut victim = session;
    for _ in 0..stolen_after {
        victim = step(address, &victim).unwrap();
    }
    let mut thief = victim.clone();
    let mut everything = vec![victim.clone()];
    let first = order[0];
    for (place, who) in order.iter().enumerate() {
        let jar = if *who == Victim { &mut victim } else { &mut thief };
        let next = step(address, jar);
        // Who comes first rotates alone; the first who comes second is found out, and then it is over for both.
        let is_over = order[..=place].iter().any(|earlier| *earlier != first);
        assert_eq!(next.is_none(), is_over, "{order:?}, place {place}");
        if let Some(next) = next {
            everything.push(next.clone());
            *jar = next;
        }
    }
    for pair in &everything {
        assert_eq!(Connection::to(address).protected(pair).status, 401, "{order:?}");
        assert_eq!(Connection::to(address).refresh(pair).status, 401, "{order:?}");
    }
}

/// Refreshes outside the window and opens a page with what came; `None` when the session is over.
fn step(address: SocketAddr, pair: &Pair) -> Option<Pair> {
    // The window of nought seconds lasts until the second is over.
    std::thread::sleep(Duration::from_millis(1100));
    let next = Pair::of(&Connection::to(address).refresh(pair))?;
    assert_eq!(Connection::to(address).protected(&next).status, 200);
    Some(next)
}
