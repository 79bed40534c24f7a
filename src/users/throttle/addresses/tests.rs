//! What an address reaches, alone, in a crowd, and with all its networks.

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const DAY: i64 = 24 * 3600;

fn table() -> Arc<Addresses> {
    Arc::new(Addresses::new(Hashing::new([7; 32])))
}

fn admit(table: &Arc<Addresses>, address: &str, now: UnixTime) -> Result<Admitted, Duration> {
    table.admit(address.parse().unwrap(), now)
}

/// Fails at once, or says for how many seconds it had to wait.
fn wait(table: &Arc<Addresses>, address: &str, now: UnixTime) -> u64 {
    admit(table, address, now).map_or_else(|wait| wait.as_secs(), |_| 0)
}

/// How many guesses are evaluated of somebody who tries every second for a day.
fn in_a_day(table: &Arc<Addresses>, address: impl Fn(i64) -> String) -> usize {
    let tries = 0..DAY;
    tries.filter(|second| wait(table, &address(*second), UnixTime::from_secs(*second)) == 0).count()
}

#[test]
fn an_address_has_room_for_fifty_failures_and_one_more_every_thirty_seconds() {
    let table = table();
    for _ in 0..50 {
        assert_eq!(wait(&table, "192.0.2.1", NOW), 0);
    }
    for seconds in [0, 30, 60] {
        let now = NOW + Duration::from_secs(seconds);
        assert_eq!(wait(&table, "192.0.2.1", now), 30);
        assert_eq!(wait(&table, "192.0.2.1", now + Duration::from_secs(29)), 1);
        assert_eq!(wait(&table, "192.0.2.1", now + Duration::from_secs(30)), 0);
        assert_eq!(wait(&table, "192.0.2.2", now), 0, "another address");
    }
    let rested = NOW + Duration::from_secs(90 + 50 * 30);
    assert_eq!([(); 50].map(|()| wait(&table, "192.0.2.1", rested)), [0; 50], "all is forgotten");
}

#[test]
fn each_person_who_signs_in_makes_room_once() {
    let table = table();
    let person = |first: u8| [first; 16];
    for _ in 0..100 {
        admit(&table, "192.0.2.1", NOW).ok().unwrap().succeeded(person(1));
    }
    for first in 2..5 {
        admit(&table, "192.0.2.1", NOW).ok().unwrap().succeeded(person(first));
    }
    let evaluated = (0..100).filter(|_| wait(&table, "192.0.2.1", NOW) == 0).count();
    assert_eq!(evaluated, 50 + 4 * 5);
}

#[test]
fn a_password_spray_from_one_address_reaches_three_thousand_guesses_a_day() {
    let once = 50 + DAY as usize / 30;
    assert!((once - 2..=once).contains(&in_a_day(&table(), |_| "192.0.2.1".to_owned())));
    let hosts = |second| format!("2001:db8:0:1::{:x}", second % 65_536);
    assert!((once - 2..=once).contains(&in_a_day(&table(), hosts)), "a /64 is one address");
    let networks = |second: i64| format!("2001:db8:0:ff{:02x}::1", second % 256);
    let site = 100 + DAY as usize / 15;
    assert!((site - 2..=site).contains(&in_a_day(&table(), networks)), "a /56");
    let everywhere = |second: i64| format!("2001:db8:0:{:x}::1", second % 65_536);
    let provider = 300 + DAY as usize / 5;
    assert!((provider - 2..=provider).contains(&in_a_day(&table(), everywhere)), "a /48");
}

#[test]
fn a_mapped_v4_address_is_the_v4_address() {
    let table = table();
    for _ in 0..50 {
        assert_eq!(wait(&table, "::ffff:192.0.2.1", NOW), 0);
    }
    assert_eq!(wait(&table, "192.0.2.1", NOW), 30);
    assert_eq!(wait(&table, "2001:db8::1", NOW), 0);
}

#[test]
fn of_two_hundred_at_once_fifty_are_evaluated_and_success_takes_back_only_its_own() {
    let table = table();
    let admitted: Vec<_> = (0..200).filter_map(|_| admit(&table, "192.0.2.1", NOW).ok()).collect();
    assert_eq!(admitted.len(), 50);
    admitted.into_iter().for_each(|one| one.succeeded([1; 16]));
    assert_eq!([(); 55].map(|()| wait(&table, "192.0.2.1", NOW)), [0; 55]);
    assert_eq!(wait(&table, "192.0.2.1", NOW), 30, "the failures stay");
    let later = NOW + Duration::from_secs(30);
    admit(&table, "192.0.2.1", later).ok().unwrap().succeeded([1; 16]);
    assert_eq!(wait(&table, "192.0.2.1", later), 0);
    assert_eq!(wait(&table, "192.0.2.1", later), 30);
}

#[test]
fn an_address_is_clean_until_it_fails_or_tries_much_at_once() {
    let table = table();
    let tries: Vec<_> = (0..5).map(|_| admit(&table, "192.0.2.1", NOW).ok().unwrap()).collect();
    assert_eq!(tries.iter().map(Admitted::is_clean).collect::<Vec<_>>(), [true, true, true, false, false]);
    tries.into_iter().for_each(Admitted::not_evaluated);
    assert!(admit(&table, "192.0.2.1", NOW).ok().unwrap().is_clean());
    assert!(!admit(&table, "192.0.2.1", NOW).ok().unwrap().is_clean(), "the one before failed");
    drop(admit(&table, "2001:db8:0:1::1", NOW));
    assert!(!admit(&table, "2001:db8:0:2::1", NOW).ok().unwrap().is_clean(), "of one provider");
}

#[test]
fn a_clock_set_back_neither_frees_nor_locks() {
    let table = table();
    for _ in 0..50 {
        assert_eq!(wait(&table, "192.0.2.1", NOW), 0);
    }
    let before = NOW - Duration::from_secs(365 * 24 * 3600);
    let first = wait(&table, "192.0.2.1", before);
    assert!((30..=LONGEST.as_secs()).contains(&first), "{first}");
    assert_eq!(wait(&table, "192.0.2.1", before + Duration::from_secs(first)), 0);
}

#[test]
fn a_million_other_addresses_neither_grow_the_table_nor_free_the_one_that_attacks() {
    let table = table();
    for _ in 0..50 {
        assert_eq!(wait(&table, "192.0.2.1", NOW), 0);
    }
    for host in 0..1_000_000_u32 {
        let _ = table.admit(std::net::Ipv4Addr::from(0x0a00_0000 + host).into(), NOW);
    }
    assert_eq!(wait(&table, "192.0.2.1", NOW), 30);
    let bytes = std::mem::size_of_val(&*table.sets);
    assert!(bytes <= 1024 * 1024, "{bytes} bytes for {} addresses", SETS * WAYS);
}
