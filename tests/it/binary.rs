//! The real program, as its operator and its callers meet it: processes, files, signals, sockets.
//!
//! What can be asked of the application without a process is tested through the local client, not here.

pub(crate) mod client;
mod faults;
mod hostility;
pub(crate) mod server;
pub(crate) mod wire;

mod canary;
mod command_line;
#[cfg(unix)]
mod guarded;
mod key;
mod readme;
mod settings;
mod start;
#[cfg(unix)]
mod supervised;
