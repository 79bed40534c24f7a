//! What becomes of a message when the mail server is as it is.

use std::sync::Arc;
use std::time::Duration;

use portcullis::auth::{Clock, ManualClock, OsRandom, UnixTime};
use portcullis::mail::{Letters, MailRoute, Mailer, Transport};
use portcullis::store::{StoreUrl, Stores, memory, open};
use portcullis::users::{Account, Letter, LinkStep, PostOffice, QueuedMessage, SealKey};
use portcullis::users::{KeptLink, LinkId, LinkPurpose, MailMessage, MessageId};

use crate::mail::ORIGIN;
use crate::mail::server::{MailServer, Mood};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// A node that sends what is in these stores by this server.
struct Node {
    stores: Stores,
    clock: Arc<ManualClock>,
    mailer: Mailer,
}

impl Node {
    fn new(stores: Stores, url: &str) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let office = PostOffice::new(Arc::clone(&stores.mail), SealKey::derive(&[7; 32]), Arc::new(OsRandom));
        let letters = Letters::embedded("The portal", ORIGIN).unwrap();
        let from = "login@portcullis.example".parse().unwrap();
        let route = MailRoute::Smtp(url.to_owned());
        let transport = Transport::open(&route, &from, "The portal", "portcullis.example").unwrap();
        let mailer = Mailer::new(office, letters, transport, clock.clone(), Arc::new(OsRandom));
        Self { stores, clock, mailer }
    }

    /// Writes a message to `ada`, whose link lasts for three days.
    async fn write(&self, number: u8) -> MessageId {
        let account = Account {
            name: "ada".parse().unwrap(),
            password_hash: "$argon2id$".to_owned(),
            roles: vec![],
            disabled: false,
            created_at: NOW,
            epoch: 0,
        };
        self.stores.accounts.insert(&account).await.unwrap();
        let link = KeptLink {
            id: LinkId::from_bytes([number; 12]),
            purpose: LinkPurpose::Reset,
            account: Some(account.name.clone()),
            address: "ada@example.org".parse().unwrap(),
            epoch: Some(0),
            made_at: self.clock.now(),
            expires_at: self.clock.now() + Duration::from_secs(3 * 24 * 3600),
            used_at: None,
            newcomer: None,
        };
        let message = MailMessage {
            id: MessageId::from_bytes([number; 16]),
            letter: Letter::ResetPassword,
            to: link.address.clone(),
            account: link.account.clone(),
            language: "en".to_owned(),
            link: Some(link.id),
            made_at: self.clock.now(),
        };
        assert!(self.stores.mail.post(&message, &link, 99).await.unwrap());
        message.id
    }

    async fn turn(&self) -> u32 {
        self.mailer.turn().await.unwrap()
    }

    async fn queued(&self) -> Vec<QueuedMessage> {
        self.stores.mail.queued(100).await.unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn whatever_the_server_does_the_message_arrives_when_it_is_well_again() {
    for (mood, told) in
        [(Mood::Busy, "the server answered 421"), (Mood::ClosesAfterData, "the server cannot be reached")]
    {
        let server = MailServer::start(mood);
        let node = Node::new(memory(), &server.url());
        let id = node.write(1).await;
        assert_eq!(node.turn().await, 0, "{mood:?}");
        let queued = node.queued().await;
        assert_eq!((queued[0].attempts, queued[0].is_dead), (1, false), "{mood:?}");
        assert_eq!(queued[0].last_error.as_deref(), Some(told), "{mood:?}");
        server.be(Mood::Fine);
        assert_eq!(node.turn().await, 0, "{mood:?}: nobody tries again at once");
        node.pass(10);
        assert_eq!(node.turn().await, 1, "{mood:?}");
        assert!(node.queued().await.is_empty(), "{mood:?}");
        let taken = server.taken();
        // A server that took it and did not say so gets it twice, under one name.
        assert_eq!(taken.len(), if mood == Mood::ClosesAfterData { 2 } else { 1 }, "{mood:?}");
        for arrived in &taken {
            assert_eq!(arrived.header("Message-ID"), format!("<{id}@portcullis.example>"));
            assert!(arrived.link().starts_with("/link/"));
        }
        node.pass(3600);
        assert_eq!(node.turn().await, 0, "{mood:?}: once and for all");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_dead_and_holds_nobody_up() {
    let server = MailServer::start(Mood::Refuses);
    let node = Node::new(memory(), &server.url());
    let id = node.write(1).await;
    assert_eq!(node.turn().await, 0);
    let queued = node.queued().await.remove(0);
    assert!(queued.is_dead);
    assert_eq!(queued.last_error.as_deref(), Some("the server answered 550"), "no address is repeated");
    server.be(Mood::Fine);
    node.write(2).await;
    assert_eq!(node.turn().await, 1);
    assert_eq!(server.taken().len(), 1);
    assert!(node.stores.mail.retry_message(id, node.clock.now()).await.unwrap());
    assert_eq!(node.turn().await, 1);
}

/// Takes its twenty seconds.
#[tokio::test]
async fn a_server_that_says_nothing_is_left_in_time_and_one_that_is_not_there_too() {
    let server = MailServer::start(Mood::Silent);
    let node = Node::new(memory(), &server.url());
    node.write(1).await;
    let limit = Duration::from_secs(40);
    assert_eq!(tokio::time::timeout(limit, node.turn()).await.unwrap(), 0);
    let told = node.queued().await.remove(0).last_error.unwrap();
    assert_eq!(told, "the server did not answer in time");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = Node::new(memory(), &format!("smtp://{nobody}"));
    node.write(1).await;
    assert_eq!(node.turn().await, 0);
    assert_eq!(node.queued().await[0].last_error.as_deref(), Some("the server cannot be reached"));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_nothing_where_it_is_asked_for() {
    let server = MailServer::start(Mood::Fine);
    let node = Node::new(memory(), &format!("{}?tls=required", server.url()));
    node.write(1).await;
    assert_eq!(node.turn().await, 0);
    assert!(server.taken().is_empty());
    let queued = node.queued().await.remove(0);
    assert!(!queued.last_error.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_is_tried_for_a_day_ever_more_rarely_and_then_it_is_dead() {
    let server = MailServer::start(Mood::Busy);
    let node = Node::new(memory(), &server.url());
    node.write(1).await;
    let mut waits = Vec::new();
    loop {
        node.turn().await;
        let queued = node.queued().await.remove(0);
        if queued.is_dead {
            break;
        }
        let wait = node.clock.now().until(queued.not_before).as_secs();
        waits.push(wait);
        node.pass(wait);
    }
    assert!((7..=10).contains(&waits[0]) && (15..=20).contains(&waits[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 3600), "{waits:?}");
    assert!((30..=50).contains(&waits.len()), "{waits:?}");
    let day = waits.iter().sum::<u64>();
    assert!((24 * 3600..25 * 3600 + 1).contains(&day), "{day}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_each_message_is_sent_by_one() {
    let folder = tempfile::tempdir().unwrap();
    for stores in [memory(), open(&StoreUrl::SqliteFile(folder.path().join("a.db")))] {
        let server = MailServer::start(Mood::Fine);
        let node = Node::new(stores, &server.url());
        for number in 0..10 {
            node.write(number).await;
        }
        let workers: Vec<_> = (0..5)
            .map(|_| {
                let mailer = node.mailer.clone();
                tokio::spawn(async move { mailer.turn().await.unwrap() })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        node.turn().await;
        let mut ids: Vec<_> =
            server.taken().iter().map(|arrived| arrived.header("Message-ID").to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((server.taken().len(), ids.len()), (10, 10));
    }
}

#[tokio::test]
async fn nobody_is_sent_a_link_that_is_over_nor_a_letter_that_says_nothing() {
    let server = MailServer::start(Mood::Fine);
    let node = Node::new(memory(), &server.url());
    node.write(1).await;
    let moment = portcullis::users::Effective { at: NOW, remember_until: NOW };
    let step = LinkStep::Reset { hash: "$argon2id$2" };
    node.stores.mail.follow(LinkId::from_bytes([1; 12]), step, moment).await.unwrap();
    assert_eq!(node.turn().await, 0);
    assert!(server.taken().is_empty() && node.queued().await.is_empty());
}

#[test]
fn a_text_that_is_missing_or_names_what_is_not_there_stops_the_launch() {
    let letters = Letters::embedded("The portal", ORIGIN).unwrap();
    for letter in Letter::all() {
        for language in ["en", "de", "xx"] {
            let link = ("a".repeat(32), UnixTime::from_secs(0));
            let written = letters.written(letter, language, "ada", Some((link.0.as_str(), link.1))).unwrap();
            assert!(!written.subject.contains(['\n', '{']) && written.subject.chars().count() < 60);
            assert!(written.body.contains("The portal") && !written.body.contains('{'), "{}", written.body);
            assert!(written.body.contains("1970-01-01 00:00 UTC"));
        }
    }
    // A name that looks like a place to fill is a name.
    assert!(Letters::embedded("The {portal}", ORIGIN).is_ok());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("text")).unwrap();
    for text in ["no place at all", "{account} and {nobody}"] {
        let theme = serde_json::json!({ "mail": { "greeting": text } }).to_string();
        std::fs::write(folder.path().join("text/en.json"), theme).unwrap();
        let figment = crate::support::figment().merge(("app.theme", folder.path()));
        let told = portcullis::app::check(&figment).unwrap_err();
        assert!(told[0].contains("mail.greeting"), "{told:?}");
    }
}
