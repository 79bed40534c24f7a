//! The real program, as its operator and its callers meet it: processes, files, signals, sockets.
//!
//! What can be asked of the application without a process is tested through the local client, not here.

pub(crate) mod client;
pub(crate) mod server;
pub(crate) mod wire;

mod canary;
mod clock_steps;
mod command_line;
mod connections;
mod damage;
mod deaf;
mod flood;
mod full_disk;
#[cfg(unix)]
mod guarded;
mod hostile;
mod key;
mod locked;
mod memory;
mod method_override;
mod random_requests;
mod readme;
mod restart;
mod settings;
mod slow_body;
mod start;
mod store_path;
