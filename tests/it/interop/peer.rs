//! Running the other side: `peer.py` and `peer.mjs` in the folder of an installation.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::binary::server::Installation;

/// A Flask application that runs; dropped, it is killed.
pub(crate) struct Flask {
    child: Child,
    address: SocketAddr,
}

/// Where a test may find a program that `scripts/test` has installed.
pub(crate) fn installed(variable: &str) -> PathBuf {
    let place = std::env::var_os(variable);
    assert!(place.is_some(), "{variable} is not set; run scripts/test");
    place.unwrap().into()
}

/// Puts both programs into the folder.
pub(crate) fn with_peers(installation: Installation) -> Installation {
    let installation = installation
        .with_file("peer.py", include_str!("peer.py"))
        .with_file("peer.mjs", include_str!("peer.mjs"));
    let modules = installed("INTEROP_NODE").join("node_modules");
    std::os::unix::fs::symlink(modules, installation.path("node_modules")).unwrap();
    installation
}

/// Puts a question to both.
pub(crate) fn ask(installation: &Installation, what: &str, question: &Value) -> [Value; 2] {
    let mut node = installation.command("node");
    // Older releases of Node keep the global that jose wants behind this.
    node.args(["--experimental-global-webcrypto", "peer.mjs", what]);
    [ask_python(installation, what, question), answer(node, question)]
}

/// Puts a question to the Python side alone.
pub(crate) fn ask_python(installation: &Installation, what: &str, question: &Value) -> Value {
    let mut python = installation.command(installed("INTEROP_PYTHON"));
    python.args(["peer.py", what]);
    answer(python, question)
}

fn answer(mut command: Command, question: &Value) -> Value {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Flask {
    /// A Flask application with these settings besides the secret.
    pub(crate) fn start(installation: &Installation, secret: &str, settings: &Value) -> Self {
        let mut settings = settings.clone();
        settings["JWT_SECRET_KEY"] = json!(secret);
        let mut command = installation.command(installed("INTEROP_PYTHON"));
        command.args(["peer.py", "serve", &settings.to_string()]).stderr(Stdio::null());
        Self::listening(command)
    }

    /// The sibling of the examples, as it stands there; it reads its settings from the installation's environment.
    pub(crate) fn example(installation: &Installation) -> Self {
        let mut command = installation.command(installed("INTEROP_PYTHON"));
        command.args(["-c", SERVE_EXAMPLE]).stderr(Stdio::null());
        Self::listening(command)
    }

    fn listening(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        Self { child, address: ([127, 0, 0, 1], port).into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Flask {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SERVE_EXAMPLE: &str = "
import sys
sys.path.insert(0, '.')
from werkzeug.serving import make_server
from flask_sibling import app
server = make_server('127.0.0.1', 0, app)
print(server.port, flush=True)
server.serve_forever()
";
