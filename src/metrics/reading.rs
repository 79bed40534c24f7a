//! The numbers as they are at one moment.

use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Unit;
use serde_json::{Value, json};

use crate::auth::{Distribution, EndReason, Verdict, What};
use crate::metrics::Sources;
use crate::store::{self, StoreCalls};
use crate::users::{HashLoad, MailBacklog};

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    is_ready: bool,
    is_draining: bool,
    reaches_store: bool,
    events: Vec<(What, u64)>,
    refreshes: Vec<(Verdict, u64)>,
    readings: Distribution,
    revoked: usize,
    age: Option<Duration>,
    siblings: Option<bool>,
    keys: Option<bool>,
    hashing: HashLoad,
    calls: StoreCalls,
    /// `None` where no mail is sent, or the store has no answer.
    mail: Option<(MailBacklog, Duration)>,
    disk: Option<u64>,
}

type Encoded = Result<(), std::fmt::Error>;
/// A word, and how often.
type Tallied<'a> = &'a [(&'a str, u64)];

impl Reading {
    pub(super) async fn take(sources: &Sources) -> Self {
        let node = &sources.node;
        let backlog = match &sources.mail {
            Some(mail) => mail.backlog().await.ok(),
            None => None,
        };
        let now = sources.clock.now();
        Self {
            is_ready: node.is_ready() && !sources.draining.has_begun(),
            is_draining: sources.draining.has_begun(),
            reaches_store: node.reaches_store(),
            events: node.events(),
            refreshes: node.refreshes(),
            readings: node.readings(),
            revoked: node.revoked(),
            age: node.follows_since(),
            siblings: node.siblings_are_told(),
            keys: node.keys_are_read(),
            hashing: sources.accounts.hash_load(),
            calls: store::calls(),
            mail: backlog
                .map(|backlog| (backlog, backlog.oldest.map_or(Duration::ZERO, |oldest| oldest.until(now)))),
            #[cfg(unix)]
            disk: store::free_room(&sources.store),
            #[cfg(not(unix))]
            disk: None,
        }
    }

    /// The same as a few words for whoever asks how the node is doing.
    pub(super) fn health(&self) -> Value {
        let seconds = |span: Duration| span.as_secs_f64();
        json!({
            "ready": self.is_ready,
            "ending": self.is_draining,
            "store": { "reachable": self.reaches_store },
            "revocations": { "known": self.revoked, "age_seconds": self.age.map(seconds) },
            "siblings_told": self.siblings,
            "keys": self.keys.map(|are_read| json!({ "read": are_read })),
            "outbox": self.mail.map(|(backlog, oldest)| json!({
                "waiting": backlog.waiting, "oldest_seconds": oldest.as_secs(), "dead": backlog.dead,
            })),
            "disk": self.disk.map(|free| json!({ "free_bytes": free })),
        })
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn times(&self, what: What) -> u64 {
        self.events.iter().find(|(known, _)| *known == what).map_or(0, |(_, count)| *count)
    }
}

impl Collector for Reading {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Encoded {
        let mut sheet = Sheet(encoder);
        sheet.build()?;
        sheet.gauge("ready", "Whether requests may be sent here", None, u64::from(self.is_ready))?;
        sheet.gauge(
            "store_reachable",
            "Whether the store answered last",
            None,
            u64::from(self.reaches_store),
        )?;
        self.people(&mut sheet)?;
        self.revocation(&mut sheet)?;
        sheet.gauge("hash_working", "Passwords that are being hashed", None, count(self.hashing.working))?;
        sheet.gauge("hash_waiting", "Passwords that wait to be hashed", None, count(self.hashing.waiting))?;
        sheet.counter("hash_refused", "Passwords that found no place", self.hashing.refused)?;
        sheet.histogram("hash_wait", "How long passwords waited to be hashed", &self.hashing.waits)?;
        sheet.histogram("store_call", "How long the store took", &self.calls.took)?;
        sheet.counter("store_failures", "Calls to the store that had no answer", self.calls.failed)?;
        sheet.counter("store_conflicts", "Calls that others were in the way of", self.calls.disturbed)?;
        if let Some((backlog, oldest)) = self.mail {
            sheet.gauge("outbox_waiting", "Messages that wait to be sent", None, backlog.waiting)?;
            sheet.gauge("outbox_dead", "Messages that nobody could send", None, backlog.dead)?;
            let help = "How long the oldest message waits";
            sheet.gauge("outbox_oldest", help, Some(&Unit::Seconds), oldest.as_secs_f64())?;
        }
        if let Some(free) = self.disk {
            sheet.gauge("disk_free", "Room beside the store", Some(&Unit::Bytes), free)?;
        }
        Ok(())
    }
}

impl Reading {
    fn people(&self, sheet: &mut Sheet<'_>) -> Encoded {
        let sign_ins = [
            ("succeeded", self.times(What::SignedIn)),
            ("failed", self.times(What::SignInFailed)),
            ("throttled", self.times(What::SignInThrottled)),
            ("busy", self.times(What::SignInBusy)),
        ];
        sheet.counters("sign_ins", "Sign-ins by outcome", "outcome", &sign_ins)?;
        let second = [
            ("failed", self.times(What::SecondFactorFailed)),
            ("exhausted", self.times(What::SecondFactorExhausted)),
            ("recovery_code", self.times(What::RecoveryCodeUsed)),
            ("counter_fell", self.times(What::PasskeyCounterFell)),
        ];
        sheet.counters("second_factors", "What became of second factors", "outcome", &second)?;
        let ends: Vec<_> = EndReason::all()
            .map(|reason| (reason.as_str(), self.times(What::SessionEnded(reason))))
            .collect();
        sheet.counters("sessions_ended", "Ends of sessions by reason", "reason", &ends)?;
        let others: Vec<_> = self
            .events
            .iter()
            .filter(|(what, _)| !matches!(what, What::SessionEnded(_)))
            .map(|(what, count)| (what.as_str(), *count))
            .collect();
        sheet.counters("events", "Security events but ends of sessions", "event", &others)
    }

    fn revocation(&self, sheet: &mut Sheet<'_>) -> Encoded {
        let verdicts: Vec<_> =
            self.refreshes.iter().map(|(verdict, count)| (verdict.as_str(), *count)).collect();
        sheet.counters("refreshes", "Refreshes by verdict", "verdict", &verdicts)?;
        sheet.gauge("revoked", "Ended sessions and revoked tokens in memory", None, count(self.revoked))?;
        if let Some(age) = self.age {
            let help = "How old the knowledge of revocations is";
            sheet.gauge("revocations_age", help, Some(&Unit::Seconds), age.as_secs_f64())?;
        }
        sheet.histogram("revocations_reading", "How long it took to read revocations", &self.readings)?;
        if let Some(are_read) = self.keys {
            let help = "Whether the keys in use are those of the key file";
            sheet.gauge("keys_read", help, None, u64::from(are_read))?;
        }
        if let Some(told) = self.siblings {
            sheet.gauge("siblings_told", "Whether siblings know every revocation", None, u64::from(told))?;
        }
        Ok(())
    }
}

/// What is written.
struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    fn build(&mut self) -> Encoded {
        let help = "Which program this is";
        let mut metric = self.0.encode_descriptor("build_info", help, None, MetricType::Gauge)?;
        metric.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?.encode_gauge(&1_u64)
    }

    fn gauge<Value>(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: Value) -> Encoded
    where
        Value: prometheus_client::encoding::EncodeGaugeValue + Copy,
    {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) -> Encoded {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter(&count, NO_EXEMPLAR)
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, counts: Tallied<'_>) -> Encoded {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (word, count) in counts {
            metric.encode_family(&[(label, *word)])?.encode_counter(count, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, seen: &Distribution) -> Encoded {
        let end = |end: Duration| if end == Duration::MAX { f64::INFINITY } else { end.as_secs_f64() };
        let classes: Vec<_> = seen.classes.iter().map(|(class, count)| (end(*class), *count)).collect();
        let mut metric = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(seen.sum.as_secs_f64(), seen.count(), &classes, None)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, f64>> = None;
