//! The states that a page can be in, for the samples that templates are judged by.

use serde::Serialize;
use serde_json::Value;

/// The states of a page, as its template is given them.
pub(crate) fn values(states: &[impl Serialize]) -> Vec<Value> {
    // What has no JSON would be missing here and be seen missing by the tests.
    states.iter().filter_map(|state| serde_json::to_value(state).ok()).collect()
}
