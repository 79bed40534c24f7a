//! Failed sign-ins and known devices: counted once, shared, bounded.

use std::sync::Arc;
use std::time::Duration;

use portcullis::store::Stores;
use portcullis::users::{Admission, Failures, Key, Retention, Ruling, Subject};

use super::{NOW, after};

every_driver! {
    the_first_secret_stays,
    five_attempts_are_evaluated_and_then_there_is_a_wait,
    of_two_hundred_at_once_five_are_evaluated,
    a_success_forgets_this_name_alone,
    the_failures_of_a_name_can_be_read,
    a_known_device_has_failures_of_its_own,
    a_device_at_the_ceiling_counts_as_anybody_else,
    the_devices_of_an_account_are_bounded,
    devices_of_one_class_push_out_none_of_the_other,
    forgetting_frees_the_name_and_its_devices,
    a_clock_set_back_is_taken_for_now,
    purging_keeps_what_is_new_and_what_is_attacked,
}

const ALICE: Subject = Subject { account: [1; 16], device: None };
const BOB: Subject = Subject { account: [2; 16], device: None };
const LAPTOP: Subject = Subject { account: [1; 16], device: Some([9; 16]) };

async fn attempt(stores: &Stores, subject: Subject, seconds: u64) -> Admission {
    stores.attempts.attempt(subject, after(seconds)).await.unwrap()
}

async fn ruling(stores: &Stores, subject: Subject, seconds: u64) -> Ruling {
    attempt(stores, subject, seconds).await.ruling
}

fn wait(seconds: u64) -> Ruling {
    Ruling::Wait(Duration::from_secs(seconds))
}

async fn remember(stores: &Stores, subject: Subject, seconds: u64, limit: usize) {
    let device = subject.device.unwrap();
    stores.attempts.remember_device(subject.account, device, after(seconds), limit).await.unwrap();
}

async fn knows(stores: &Stores, account: Key, device: Key) -> bool {
    stores.attempts.knows_device(account, device).await.unwrap()
}

async fn the_first_secret_stays(stores: Stores) {
    assert_eq!(stores.attempts.attempt_secret([1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(stores.attempts.attempt_secret([2; 32]).await.unwrap(), [1; 32]);
}

async fn five_attempts_are_evaluated_and_then_there_is_a_wait(stores: Stores) {
    for failures in 0..5 {
        let expected = Admission { ruling: Ruling::Evaluate, failures, is_known_device: false };
        assert_eq!(attempt(&stores, ALICE, 0).await, expected);
    }
    assert_eq!(ruling(&stores, ALICE, 0).await, wait(1));
    assert_eq!(ruling(&stores, BOB, 0).await, Ruling::Evaluate);
    let mut now = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(ruling(&stores, ALICE, now).await, wait(seconds));
        now += seconds;
        assert_eq!(ruling(&stores, ALICE, now).await, Ruling::Evaluate);
    }
}

async fn of_two_hundred_at_once_five_are_evaluated(stores: Stores) {
    let guesses = (0..200).map(|_| {
        let attempts = Arc::clone(&stores.attempts);
        tokio::spawn(async move { attempts.attempt(ALICE, NOW).await.unwrap().ruling })
    });
    let mut evaluated = 0;
    for guess in guesses.collect::<Vec<_>>() {
        evaluated += u32::from(guess.await.unwrap() == Ruling::Evaluate);
    }
    assert_eq!(evaluated, 5);
}

async fn a_success_forgets_this_name_alone(stores: Stores) {
    for _ in 0..5 {
        attempt(&stores, ALICE, 0).await;
        attempt(&stores, BOB, 0).await;
    }
    stores.attempts.attempt_succeeded(ALICE, NOW).await.unwrap();
    assert_eq!(attempt(&stores, ALICE, 0).await.failures, 0);
    assert_eq!(ruling(&stores, BOB, 0).await, wait(1));
}

async fn the_failures_of_a_name_can_be_read(stores: Stores) {
    for _ in 0..6 {
        attempt(&stores, ALICE, 0).await;
    }
    let failures = stores.attempts.failures(ALICE.account).await.unwrap();
    assert_eq!((failures.in_a_row, failures.wait(NOW)), (5, Some(Duration::from_secs(1))));
    let none = stores.attempts.failures(BOB.account).await.unwrap();
    assert_eq!((none, none.wait(NOW)), (Failures::default(), None));
}

async fn a_known_device_has_failures_of_its_own(stores: Stores) {
    let stranger = Subject { device: Some([8; 16]), ..ALICE };
    remember(&stores, LAPTOP, 0, 10).await;
    assert!(knows(&stores, [1; 16], [9; 16]).await);
    assert!(!knows(&stores, [2; 16], [9; 16]).await && !knows(&stores, [1; 16], [8; 16]).await);
    for _ in 0..5 {
        assert!(!attempt(&stores, stranger, 0).await.is_known_device);
    }
    assert_eq!(ruling(&stores, stranger, 0).await, wait(1));
    for failures in 5..10 {
        let expected = Admission { ruling: Ruling::Evaluate, failures, is_known_device: true };
        assert_eq!(attempt(&stores, LAPTOP, 0).await, expected);
    }
    assert_eq!(ruling(&stores, LAPTOP, 0).await, wait(1));
    stores.attempts.attempt_succeeded(LAPTOP, NOW).await.unwrap();
    assert_eq!(attempt(&stores, LAPTOP, 0).await.failures, 0);
    assert_eq!(attempt(&stores, ALICE, 0).await.failures, 0, "the person is in, the name is free");
}

async fn a_device_at_the_ceiling_counts_as_anybody_else(stores: Stores) {
    remember(&stores, LAPTOP, 0, 10).await;
    for round in 0..100 {
        assert!(attempt(&stores, LAPTOP, round * 60).await.is_known_device);
    }
    assert!(!knows(&stores, [1; 16], [9; 16]).await);
    let admission = attempt(&stores, LAPTOP, 6000).await;
    assert_eq!(admission, Admission { ruling: Ruling::Evaluate, failures: 0, is_known_device: false });
}

async fn the_devices_of_an_account_are_bounded(stores: Stores) {
    for number in 0..5_u8 {
        remember(&stores, Subject { device: Some([number; 16]), ..ALICE }, number.into(), 3).await;
        remember(&stores, Subject { device: Some([number; 16]), ..BOB }, number.into(), 9).await;
    }
    remember(&stores, Subject { device: Some([2; 16]), ..ALICE }, 9, 3).await;
    remember(&stores, Subject { device: Some([7; 16]), ..ALICE }, 0, 3).await;
    let mut known = Vec::new();
    for number in 0..8_u8 {
        if knows(&stores, [1; 16], [number; 16]).await {
            known.push(number);
        }
    }
    assert_eq!(known, [2, 4, 7], "the new one and those used last");
    assert!(knows(&stores, [2; 16], [0; 16]).await);
}

async fn devices_of_one_class_push_out_none_of_the_other(stores: Stores) {
    let (browser, program) = (|number: u8| [number; 16], |number: u8| [0x80 | number; 16]);
    for number in 0..3 {
        remember(&stores, Subject { device: Some(browser(number)), ..ALICE }, 0, 3).await;
    }
    for number in 0..20 {
        remember(
            &stores,
            Subject { device: Some(program(number)), ..ALICE },
            i64::from(number).try_into().unwrap(),
            3,
        )
        .await;
    }
    for number in 0..3 {
        assert!(knows(&stores, ALICE.account, browser(number)).await);
    }
    let mut known = Vec::new();
    for number in 0..20 {
        if knows(&stores, ALICE.account, program(number)).await {
            known.push(number);
        }
    }
    assert_eq!(known, [17, 18, 19]);
}

async fn forgetting_frees_the_name_and_its_devices(stores: Stores) {
    remember(&stores, LAPTOP, 0, 10).await;
    for _ in 0..5 {
        attempt(&stores, ALICE, 0).await;
        attempt(&stores, BOB, 0).await;
    }
    stores.attempts.forget_attempts([1; 16]).await.unwrap();
    assert!(!knows(&stores, [1; 16], [9; 16]).await);
    assert_eq!(attempt(&stores, ALICE, 0).await.failures, 0);
    assert_eq!(ruling(&stores, BOB, 0).await, wait(1));
}

async fn a_clock_set_back_is_taken_for_now(stores: Stores) {
    for _ in 0..5 {
        attempt(&stores, ALICE, 3600).await;
    }
    assert_eq!(ruling(&stores, ALICE, 0).await, wait(1));
    assert_eq!(ruling(&stores, ALICE, 1).await, Ruling::Evaluate);
}

async fn purging_keeps_what_is_new_and_what_is_attacked(stores: Stores) {
    let name = |number: u8| Subject { account: [number; 16], device: None };
    for (number, at) in [(10, 0), (11, 100), (12, 200), (13, 300), (14, 400)] {
        attempt(&stores, name(number), at).await;
    }
    attempt(&stores, name(11), 100).await;
    remember(&stores, LAPTOP, 50, 10).await;
    remember(&stores, Subject { device: Some([8; 16]), ..ALICE }, 49, 10).await;

    let retention = Retention { attempts_since: after(100), at_most: 2, devices_since: after(50) };
    stores.attempts.purge_attempts(retention).await.unwrap();
    let mut failures = Vec::new();
    for number in 10..15 {
        failures.push(attempt(&stores, name(number), 400).await.failures);
    }
    assert_eq!(failures, [0, 2, 0, 0, 1], "the one with two failures and the newest");
    assert!(knows(&stores, [1; 16], [9; 16]).await && !knows(&stores, [1; 16], [8; 16]).await);
}
