//! What the program says while it runs: our lines on standard error, security events on standard output.
//!
//! While serving, neither is written by whoever has something to say: a pipe that nobody empties would stop the request
//! that writes, and with it every other. Lines wait in a bounded queue for a thread of their own; what finds the queue full is
//! dropped and counted, and the count is told when lines flow again. Security events are in the store all the same.

mod format;
#[cfg(feature = "otel")]
mod traces;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use portcullis::auth::event;
use portcullis::settings;
use rocket::figment::Figment;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use self::format::Lines;

/// The installed log.
pub(crate) struct Log {
    queues: Vec<LineQueue>,
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
}

/// Lines on their way to one output.
#[derive(Clone)]
struct LineQueue {
    lines: SyncSender<Vec<u8>>,
    counts: Arc<LineCounts>,
}

#[derive(Default)]
struct LineCounts {
    /// Lines that are not written yet.
    waiting: AtomicUsize,
    /// Lines that were dropped and not told of yet.
    dropped: AtomicUsize,
}

impl Log {
    /// Waits until what was said is written, but not for long: there may be nobody who reads.
    pub(crate) fn finish(&self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = &self.traces {
            traces.finish();
        }
        for _ in 0..LAST_WORDS.as_millis() / PAUSE.as_millis() {
            if self.queues.iter().all(|queue| queue.counts.waiting.load(Ordering::Acquire) == 0) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl LineQueue {
    /// A queue to this output, which is told by `told` how many lines were dropped.
    fn to(mut output: impl Write + Send + 'static, told: impl Fn(usize) -> String + Send + 'static) -> Self {
        let (lines, arriving) = sync_channel::<Vec<u8>>(LINES);
        let counts = Arc::new(LineCounts::default());
        let seen = Arc::clone(&counts);
        std::thread::spawn(move || {
            for line in arriving {
                // An output that was closed is no reason to stop.
                let _ = output.write_all(&line);
                let dropped = seen.dropped.swap(0, Ordering::AcqRel);
                if dropped > 0 {
                    let _ = output.write_all(told(dropped).as_bytes());
                }
                let _ = output.flush();
                seen.waiting.fetch_sub(1, Ordering::AcqRel);
            }
        });
        Self { lines, counts }
    }
}

impl Write for LineQueue {
    /// Takes a whole line, as the subscriber writes them, and never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.counts.waiting.fetch_add(1, Ordering::AcqRel);
        if self.lines.try_send(line.to_vec()).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::AcqRel);
            self.counts.dropped.fetch_add(1, Ordering::AcqRel);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Our own lines at the level of `RUST_LOG` (default `info`); of everybody else only warnings, and of Rocket nothing,
/// whatever `RUST_LOG` says: its request log prints cookies, query strings and bodies.
/// The code that Rocket's macros write into our modules logs under `…::_` and is Rocket's too.
///
/// Security events go to standard output while serving, and otherwise, where that speaks to the operator, beside it.
pub(crate) fn install(is_serving: bool, figment: &Figment) -> Log {
    use tracing_subscriber::filter::{LevelFilter, filter_fn};
    use tracing_subscriber::prelude::*;

    let level =
        std::env::var("RUST_LOG").ok().and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = filter_fn(move |metadata| {
        let target = metadata.target();
        if target == event::TARGET || metadata.is_span() {
            return false;
        }
        let is_ours = target.split("::").next() == Some("portcullis");
        let is_rockets = target.starts_with("rocket") || target.split("::").last() == Some("_");
        !is_rockets && *metadata.level() <= if is_ours { level } else { level.min(LevelFilter::WARN) }
    });
    let is_terminal = std::io::stderr().is_terminal();
    let queues = if is_serving {
        let told = |lost| format!("{lost} lines of this log were dropped, because nobody read it\n");
        let told_events = |lost| format!("{{\"event\":\"log_lines_dropped\",\"lines\":{lost}}}\n");
        vec![LineQueue::to(std::io::stderr(), told), LineQueue::to(std::io::stdout(), told_events)]
    } else {
        Vec::new()
    };
    let [for_lines, for_events] = [0, 1].map(|at| queues.get(at).cloned());
    let to_lines = move || writer(for_lines.as_ref());
    let to_events = move || writer(for_events.as_ref());
    let lines = tracing_subscriber::fmt::layer().with_writer(to_lines).with_ansi(is_terminal);
    let lines = lines.event_format(Lines::of(settings::log_format(figment), is_terminal));
    // What is finer than this is skipped where it would be said, without asking anybody.
    let lines = lines.with_filter(filter.with_max_level_hint(level));
    let is_event = filter_fn(|metadata| metadata.target() == event::TARGET);
    let is_event = is_event.with_max_level_hint(LevelFilter::INFO);
    let events = tracing_subscriber::fmt::layer().event_format(MessageOnly).with_writer(to_events);
    // A person at a terminal has just been told in words.
    let is_wanted = is_serving || !is_terminal;
    let events = is_wanted.then(|| events.with_filter(is_event));
    let subscriber = tracing_subscriber::registry().with(lines).with(events);
    #[cfg(feature = "otel")]
    let traces = settings::traces(figment).filter(|_| is_serving).as_ref().and_then(traces::Traces::to);
    #[cfg(feature = "otel")]
    let subscriber = subscriber.with(traces.as_ref().map(traces::Traces::layer));
    subscriber.init();
    // Of those who say things by the `log` crate nothing finer than warnings is shown, and Rocket says a dozen about each
    // request: they are not even made.
    ::log::set_max_level(::log::LevelFilter::Warn);
    Log {
        queues,
        #[cfg(feature = "otel")]
        traces,
    }
}

fn writer(queue: Option<&LineQueue>) -> Box<dyn Write> {
    match queue {
        Some(queue) => Box::new(queue.clone()),
        None => Box::new(std::io::stderr()),
    }
}

/// Security events are lines of JSON already.
struct MessageOnly;

impl<S, N> FormatEvent<S, N> for MessageOnly
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let mut message = Message(String::new());
        event.record(&mut message);
        writeln!(writer, "{}", message.0)
    }
}

struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// How many lines may wait for an output.
const LINES: usize = 1024;
/// For how long the end of the program waits for its last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that takes nothing before it is let go, and passes on what it takes.
    struct Stuck(Receiver<()>, Sender<String>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Once the other half is gone, it is let go for good.
            let _ = self.0.recv();
            self.1.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_finds_the_queue_full_is_dropped_and_counted() {
        let (let_go, held) = channel();
        let (sink, written) = channel();
        let mut queue = LineQueue::to(Stuck(held, sink), |lost| format!("{lost} lost\n"));
        let lines = LINES + 100;
        for number in 0..lines {
            queue.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        assert!(queue.counts.waiting.load(Ordering::Acquire) <= LINES + 1);

        drop(let_go);
        let log = Log {
            queues: vec![queue.clone()],
            #[cfg(feature = "otel")]
            traces: None,
        };
        log.finish();
        drop((log, queue));
        let written: Vec<String> = written.iter().collect();
        assert_eq!(written.first().map(String::as_str), Some("line 0\n"));
        let lost: usize =
            written.iter().filter_map(|line| line.strip_suffix(" lost\n")?.parse::<usize>().ok()).sum();
        let whole = written.iter().filter(|line| line.starts_with("line ")).count();
        assert!(lost >= 99, "{lost}");
        assert_eq!(whole + lost, lines, "every line is written or counted");
    }
}
