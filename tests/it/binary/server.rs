//! Starting the program in a folder of its own, and ending it in every way.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binary::client::Client;

/// A fresh folder in which the program lives: its working directory, its data, its temporary files.
pub(crate) struct Installation {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// A running program; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    is_https: bool,
    address: SocketAddr,
    stdout: Heard,
    stderr: Heard,
}

/// What a process has said so far.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Installation {
    /// An empty folder and the defaults of the debug profile.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, environment: Vec::new() }
    }

    /// The release profile, with the one setting that it asks for.
    pub(crate) fn release() -> Self {
        Self::new().with("ROCKET_PROFILE", "release").with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
    }

    /// A store without accounts, as a debug start that makes no demo accounts leaves it.
    pub(crate) fn with_empty_store(self) -> Self {
        let mut command = self.command(env!("CARGO_BIN_EXE_portcullis"));
        command.env("ROCKET_PROFILE", "debug").env("PORTCULLIS_APP__DEMO_USERS", "false");
        assert!(self.start_by(command).terminate().unwrap().success());
        self
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Writes a file into the folder.
    pub(crate) fn with_file(self, name: &str, content: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Server {
        self.start_by(self.command(env!("CARGO_BIN_EXE_portcullis")))
    }

    /// The same by another command, which becomes the program.
    pub(crate) fn start_by(&self, mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let stdout = Heard::listen(child.stdout.take().unwrap());
        let stderr = Heard::listen(child.stderr.take().unwrap());
        let deadline = Instant::now() + PATIENCE;
        let (is_https, address) = loop {
            if let Some(found) = stdout.address() {
                break found;
            }
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the server did not start: {ended:?}\n{}{}",
                stdout.text(),
                stderr.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        Server { child, is_https, address, stdout, stderr }
    }

    /// Runs the program to its end with these arguments and this standard input.
    pub(crate) fn run(&self, arguments: &[&str], stdin: &[u8]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_portcullis"));
        let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // Whoever is refused before the password is asked for does not read it.
        let _ = input.write_all(stdin);
        drop(input);
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (stdout, stderr) = (Heard::listen(stdout), Heard::listen(stderr));
        let status = wait(&mut child);
        if status.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        stdout.wait_for_the_end();
        stderr.wait_for_the_end();
        assert!(status.is_some(), "the program went on: {}{}", stdout.text(), stderr.text());
        Output { status: status.unwrap(), stdout: stdout.bytes(), stderr: stderr.bytes() }
    }

    /// Another program in the same folder.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TMPDIR", self.path("tmp"))
            .env("ROCKET_PORT", "0")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a browser writes it, without a path.
    pub(crate) fn site(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.address)
    }

    /// A caller without cookies.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Everything the program has written to standard output and standard error.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout.text(), self.stderr.text())
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends the process at once, as `kill -9` does: nothing is flushed, nobody is asked.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and waits for it.
    pub(crate) fn terminate(&mut self) -> Option<ExitStatus> {
        let command = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        let status = wait(&mut self.child);
        self.stdout.wait_for_the_end();
        self.stderr.wait_for_the_end();
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let heard = Self::default();
        let sink = heard.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                sink.0.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        heard
    }

    /// Waits until the pipe is closed and its last words have arrived: the thread that drains it holds the other half.
    fn wait_for_the_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&self.0) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Whether the program speaks HTTPS, and where, once it has said so.
    fn address(&self) -> Option<(bool, SocketAddr)> {
        let text = self.text();
        let (_, rest) = text.split_once("Portcullis is listening on ")?;
        let (scheme, rest) = rest.split_once("://")?;
        Some((scheme == "https", rest.split_once('\n')?.0.trim().parse().ok()?))
    }
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// A secret that is long enough, for tests only.
pub(crate) const SECRET: &str = "a secret for tests that is long enough to be one";
/// Longer than a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
