//! The rule of throttling by table, and its counters.

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn wait(seconds: u64) -> Ruling {
    Ruling::Wait(Duration::from_secs(seconds))
}

/// So many failures, each at the first moment it is allowed.
fn after(failures: u32) -> (Failures, UnixTime) {
    let (mut kept, mut now) = (Failures::default(), NOW);
    for _ in 0..failures {
        if let (_, Ruling::Wait(wait)) = kept.attempt(now) {
            now = now + wait;
        }
        let (counted, ruling) = kept.attempt(now);
        assert_eq!(ruling, Ruling::Evaluate);
        kept = counted;
    }
    (kept, now)
}

#[test]
fn five_failures_are_free_and_then_the_waits_double_up_to_a_minute() {
    for failures in 0..5 {
        let (kept, now) = after(failures);
        assert_eq!((now, kept.attempt(now).1), (NOW, Ruling::Evaluate));
    }
    for (failures, seconds) in
        [(5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (99, 60)]
    {
        let (kept, now) = after(failures);
        assert_eq!(kept.attempt(now).1, wait(seconds), "after {failures}");
        assert_eq!(kept.attempt(now + Duration::from_secs(seconds - 1)).1, wait(1));
        assert_eq!(kept.attempt(now + Duration::from_secs(seconds)).1, Ruling::Evaluate);
    }
}

#[test]
fn an_attempt_that_waits_is_not_counted() {
    let (kept, now) = after(5);
    assert_eq!(kept.attempt(now).0, kept);
}

#[test]
fn the_waits_are_forgotten_after_a_quarter_of_an_hour_and_the_row_after_thirty_days() {
    let (kept, now) = after(20);
    assert_eq!(kept.attempt(now + Duration::from_secs(15 * 60 - 1)).0.recent, 21);
    let (rested, _) = kept.attempt(now + Duration::from_secs(15 * 60));
    assert_eq!((rested.recent, rested.in_a_row), (1, 21));
    let (kept, now) = after(100);
    assert!(kept.is_at_ceiling());
    assert_eq!(
        kept.attempt(kept.last + Duration::from_secs(3599)).1,
        wait(1),
        "it says how long it really is"
    );
    for hours in [1, 24, 30 * 24 - 1] {
        let (counted, ruling) = kept.attempt(now + Duration::from_secs(hours * 3600));
        assert_eq!((ruling, counted.in_a_row), (Ruling::Evaluate, 101));
        let again = now + Duration::from_secs(hours * 3600 + 60);
        assert_eq!(counted.attempt(again).1, wait(3540), "one an hour");
    }
    assert_eq!(kept.attempt(now + Duration::from_secs(30 * DAY)).0.in_a_row, 1);
}

#[test]
fn beyond_a_hundred_one_an_hour_is_evaluated_however_patient_the_attacker() {
    let (mut kept, mut now, mut evaluated) = (Failures::default(), NOW, 0);
    // Every 16 minutes: the first hundred as they come, then every fourth.
    for _ in 0..2_100 {
        let (counted, ruling) = kept.attempt(now);
        evaluated += u32::from(ruling == Ruling::Evaluate);
        (kept, now) = (counted, now + Duration::from_secs(16 * 60));
    }
    assert_eq!(evaluated, 100 + 2_000 / 4);
}

#[test]
fn a_clock_set_back_neither_frees_nor_locks() {
    let (kept, _) = after(12);
    let before = NOW - Duration::from_secs(365 * DAY);
    let (kept, ruling) = kept.attempt(before);
    assert_eq!(ruling, wait(60));
    assert_eq!(kept.attempt(before + Duration::from_secs(59)).1, wait(1));
    assert_eq!(kept.attempt(before + Duration::from_secs(60)).1, Ruling::Evaluate);
    assert_eq!(kept.attempt(UnixTime::from_secs(i64::MIN)).1, wait(60));
}

#[test]
fn names_are_one_in_every_spelling_and_devices_belong_to_one_account() {
    let (hashing, other) = (Hashing::new([1; 32]), Hashing::new([2; 32]));
    let alice = hashing.name("alice");
    assert_eq!(hashing.name("ALICE"), alice);
    assert_eq!(hashing.name(" alice\t"), alice);
    assert_ne!(hashing.name("alicf"), alice);
    assert_ne!(other.name("alice"), alice);
    assert_ne!(hashing.device(alice, "secret"), hashing.device(hashing.name("bob"), "secret"));
    assert_ne!(hashing.device(alice, "secret"), hashing.device(alice, "secreT"));
}
