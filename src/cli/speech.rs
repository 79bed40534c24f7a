//! How commands speak: lines and tables for a person, or with `--json` an object on each line for a program.
//!
//! | for a person | for a program |
//! |---|---|
//! | a line | `{"said": "…"}` |
//! | a row of a table | an object whose members are the columns, in lower case |
//! | what nobody will ever say again | an object with one member of its own name |
//! | what went wrong, on standard error | `{"problem": "…"}`, there as well |

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use super::Problems;

/// Whether a program reads what is said; one command speaks in a process.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Speaks to a program from now on.
pub(crate) fn speak_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Says a table with a head, its columns aligned.
pub(crate) fn print_table<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> Result<(), Problems> {
    if is_json() {
        let names = head.map(|name| name.to_lowercase().replace(' ', "_"));
        for row in rows {
            let members = names.iter().cloned().zip(row.iter().map(|cell| Value::from(cell.as_str())));
            write_out(Value::Object(members.collect::<Map<_, _>>()))?;
        }
        return Ok(());
    }
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; COLUMNS]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    write_out(line(head))?;
    for row in rows {
        write_out(line(row.each_ref().map(String::as_str)))?;
    }
    Ok(())
}

/// Says one thing: so to a person, and so to a program.
pub(crate) fn tell(person: impl Display, program: &Value) -> Result<(), Problems> {
    if is_json() { write_out(program) } else { write_out(person) }
}

/// Says a line to whoever asked; one that is lost is told, except where the reader has gone, as `| head` does.
pub(crate) fn say(line: impl Display) -> Result<(), Problems> {
    if is_json() { write_out(json!({ "said": line.to_string() })) } else { write_out(line) }
}

/// Says what nobody will ever say again, which is called so.
pub(crate) fn say_once(name: &str, line: impl Display) -> Result<(), Problems> {
    let outcome = match is_json() {
        true => writeln!(std::io::stdout(), "{}", json!({ name: line.to_string() })),
        false => writeln!(std::io::stdout(), "{line}"),
    };
    outcome.map_err(|error| lost(&error))
}

/// Says what went wrong.
pub(crate) fn complain(line: impl Display) {
    let _ = match is_json() {
        true => writeln!(std::io::stderr(), "{}", json!({ "problem": line.to_string() })),
        false => writeln!(std::io::stderr(), "{line}"),
    };
}

fn write_out(line: impl Display) -> Result<(), Problems> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(lost(&error)),
        _ => Ok(()),
    }
}

fn lost(error: &std::io::Error) -> Problems {
    vec![format!("What was done could not be told: {error}")]
}
