//! What an operator does: settings, the command line, the file of the store.

pub(crate) mod backup;
pub(crate) mod command_line;
pub(crate) mod doctor;
pub(crate) mod guide;
pub(crate) mod init;
pub(crate) mod log_lines;
pub(crate) mod metrics;
pub(crate) mod package;
pub(crate) mod settings;
pub(crate) mod speech;
pub(crate) mod sqlite_file;
pub(crate) mod traces;
