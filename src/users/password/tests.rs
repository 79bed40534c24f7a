//! Passwords of every shape, and what the hasher does when more is asked of it than it may do.

use super::*;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

#[test]
fn a_password_is_1_to_256_bytes() {
    assert!(Password::new(String::new()).is_err());
    assert!(Password::new("x".repeat(256)).is_ok());
    assert!(Password::new("x".repeat(257)).is_err());
    assert!(Password::new("é".repeat(128)).is_ok());
    assert!(Password::new("é".repeat(129)).is_err(), "bytes are counted, not letters");
}

#[test]
fn a_password_and_the_hasher_do_not_print_secrets() {
    assert!(!format!("{:?}", password("hunter2")).contains("hunter2"));
    assert!(!format!("{:?}", Hasher::default()).contains("dummy"));
}

#[test]
fn parameters_below_the_minimum_are_refused() {
    for (memory, passes) in OWASP_MINIMA {
        assert!(Cost::new(memory, passes, 1).is_ok());
        assert_eq!(Cost::new(memory - 1, passes, 1), Err(UnfitCost::Weak));
        assert_eq!(Cost::new(memory, passes - 1, 1), Err(UnfitCost::Weak));
    }
    assert_eq!(Cost::new(19_456, 2, 0), Err(UnfitCost::Weak));
    assert_eq!(Cost::new(u32::MAX, 2, 1), Err(UnfitCost::Excessive));
    assert_eq!(Cost::new(19_456, 2, 1), Ok(Cost::default()));
}

#[tokio::test]
async fn a_hash_is_argon2id_with_its_parameters_and_a_salt_of_its_own() {
    let hasher = Hasher::default();
    let (one, other) =
        (hasher.hash(&password("a")).await.unwrap(), hasher.hash(&password("a")).await.unwrap());
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one, other);
}

#[tokio::test]
async fn only_the_very_same_bytes_are_accepted() {
    let hasher = Hasher::default();
    let hash = hasher.hash(&password(" Pass wörd ")).await.unwrap();
    assert!(hasher.verify(&password(" Pass wörd "), Some(&hash)).await.unwrap());
    for wrong in ["Pass wörd", " pass wörd ", " Pass word ", " Pass wörd  "] {
        assert!(!hasher.verify(&password(wrong), Some(&hash)).await.unwrap(), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_letter_is_the_same_however_a_keyboard_composes_it() {
    let hasher = Hasher::default();
    let (composed, decomposed) = (password("Pass wörd"), password("Pass wo\u{308}rd"));
    for (one, other) in [(&composed, &decomposed), (&decomposed, &composed)] {
        let hash = hasher.hash(one).await.unwrap();
        assert!(hasher.verify(other, Some(&hash)).await.unwrap());
        assert!(!hasher.is_of_raw_form(other, &hash).await.unwrap());
    }
    // What an older version made of the bytes as they came.
    let old = hash_now(&hasher.argon2, &hasher.buffers, "Pass wo\u{308}rd".as_bytes()).unwrap();
    assert!(hasher.verify(&decomposed, Some(&old)).await.unwrap());
    assert!(hasher.is_of_raw_form(&decomposed, &old).await.unwrap());
    assert!(!hasher.verify(&password("Pass wo\u{301}rd"), Some(&old)).await.unwrap());
    assert_eq!(format!("{decomposed:?}"), "Password(..)");
}

#[tokio::test]
async fn the_256th_byte_counts() {
    let hasher = Hasher::default();
    let hash = hasher.hash(&password(&format!("{}a", "x".repeat(255)))).await.unwrap();
    assert!(!hasher.verify(&password(&format!("{}b", "x".repeat(255))), Some(&hash)).await.unwrap());
}

#[tokio::test]
async fn nobody_has_no_password_not_even_the_dummys() {
    let hasher = Hasher::default();
    hasher.prepare().await.unwrap();
    assert!(!hasher.verify(&password("nobody's password"), None).await.unwrap());
}

#[tokio::test]
async fn a_stored_text_that_is_no_hash_is_an_error() {
    let hasher = Hasher::default();
    for nonsense in ["", "testpass", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1"] {
        let answer = hasher.verify(&password("testpass"), Some(nonsense)).await;
        assert!(matches!(answer, Err(HashError::Unreadable)), "{nonsense:?}");
    }
    assert!(hasher.needs_renewal("testpass"));
}

#[tokio::test]
async fn hashes_with_other_parameters_are_accepted_and_due_for_renewal() {
    let old = Hasher::new(Cost::new(7_168, 5, 1).unwrap());
    let new = Hasher::default();
    let hash = old.hash(&password("secret")).await.unwrap();
    assert!(new.verify(&password("secret"), Some(&hash)).await.unwrap());
    assert!(new.needs_renewal(&hash));
    assert!(!old.needs_renewal(&hash));
    assert!(old.needs_renewal(&hash.replace("argon2id", "argon2i")));
}

#[tokio::test]
async fn beyond_the_queue_it_is_busy_at_once() {
    let hasher = Hasher::with_limits(Cost::default(), ONE, 2);
    let held = held(&hasher).await;
    let secret = password("x");
    let waiting = [hasher.hash(&secret), hasher.hash(&secret)];
    let mut waiting = waiting.map(Box::pin);
    for one in &mut waiting {
        assert!(poll_once(one.as_mut()).await.is_none());
    }
    assert!(matches!(hasher.hash(&secret).await, Err(HashError::Busy)));
    assert!(matches!(hasher.verify(&secret, None).await, Err(HashError::Busy)));
    drop(held);
    for one in waiting {
        assert!(one.await.is_ok());
    }
}

#[tokio::test]
async fn a_request_that_hangs_up_while_waiting_frees_its_place() {
    let hasher = Hasher::with_limits(Cost::default(), ONE, 1);
    let held = held(&hasher).await;
    let secret = password("x");
    let mut waiting = Box::pin(hasher.hash(&secret));
    assert!(poll_once(waiting.as_mut()).await.is_none());
    drop(waiting);
    let mut next = Box::pin(hasher.hash(&secret));
    assert!(poll_once(next.as_mut()).await.is_none());
    drop(held);
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn a_request_that_hangs_up_while_hashing_frees_nothing_before_the_work_is_done() {
    let hasher = Hasher::with_limits(Cost::default(), ONE, 0);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let mut running = Box::pin(hasher.work(hasher.place(Priority::Known).unwrap(), move |_| {
        let _ = wait.recv();
        Ok(())
    }));
    assert!(poll_once(running.as_mut()).await.is_none());
    drop(running);
    assert!(matches!(hasher.hash(&password("x")).await, Err(HashError::Busy)));
    go.send(()).unwrap();
    while matches!(hasher.hash(&password("x")).await, Err(HashError::Busy)) {
        tokio::task::yield_now().await;
    }
}

/// The only worker's turn.
async fn held(hasher: &Hasher) -> impl Sized {
    let place = hasher.place(Priority::Known).unwrap();
    let turn = place.turn().await.unwrap();
    (turn, place)
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn memory_is_kept_between_hashes_and_given_back_when_nobody_hashes() {
    let hasher = Hasher::default();
    let buffers = &hasher.buffers;
    hasher.hash(&password("a")).await.unwrap();
    hasher.hash(&password("b")).await.unwrap();
    assert_eq!(buffers.kept(), 1, "the second took the memory of the first");
    assert_eq!(buffers.give_back_unless_used(0), Some(2), "there were hashes since");
    assert_eq!(buffers.kept(), 1);
    assert_eq!(buffers.give_back_unless_used(2), None);
    assert_eq!(buffers.kept(), 0);
    hasher.hash(&password("c")).await.unwrap();
    assert_eq!(buffers.kept(), 1);
}
