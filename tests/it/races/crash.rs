//! `kill -9` in the middle of a refresh: the old token still works, or the new one does; never neither.

use std::time::Duration;

use super::connection::{Connection, Pair};
use super::{begin_sessions, draw, installation};

#[test]
fn a_crash_in_the_middle_of_refreshes_signs_nobody_out() {
    // Without a grace window only receipt can tell that the answer was lost.
    let installation = installation().with("PORTCULLIS_AUTH__REFRESH_GRACE", "0");
    let mut server = installation.start();
    let mut jar = begin_sessions(&installation.path("data/portcullis.db"), 1).remove(0);
    let mut seed = 3;
    let mut lost = 0;
    for round in 0..25 {
        let connection = Connection::to(server.address());
        let held = jar.clone();
        let browser = std::thread::spawn(move || refresh_until_the_end(connection, held));
        std::thread::sleep(Duration::from_micros(2000 + draw(&mut seed) % 40_000));
        server.kill();
        jar = browser.join().unwrap();

        server = installation.start();
        // Sometimes the window of nought seconds has surely passed: then receipt alone tells.
        std::thread::sleep(Duration::from_millis(if round % 4 == 0 { 1100 } else { 0 }));
        let mut connection = Connection::to(server.address());
        let answer = connection.refresh(&jar);
        assert_eq!(answer.status, 200, "round {round}: {answer:?}");
        let next = Pair::of(&answer).unwrap();
        assert!(next.generation() - jar.generation() <= 1, "round {round}");
        assert_eq!(connection.protected(&next).status, 200, "round {round}");
        lost += usize::from(server.said().contains(r#""what":"replayed""#));
        jar = next;
    }
    say(&format!("{lost} of 25 crashes came between the commit and the answer"));
    assert!(lost > 0, "no crash was close");
}

/// Uses up one token after the other until the server is gone; the last pair that was received.
fn refresh_until_the_end(mut connection: Connection, mut jar: Pair) -> Pair {
    loop {
        connection.send_refresh(&jar);
        let Some(answer) = connection.receive() else { return jar };
        assert_eq!(answer.status, 200, "{answer:?}");
        jar = Pair::of(&answer).unwrap();
    }
}

#[expect(clippy::print_stdout, reason = "how close it was is what the test's reader asks")]
fn say(line: &str) {
    println!("{line}");
}
