//! What does every page show?
//!
//! - `frame`: words, the service's name, who is signed in; `words`: the texts of a language; `assets`: style, script, pictures.
//! - `states` and `samples`: every page in every state, for whoever judges templates.
//! - `user_agent`: what a browser calls itself, for people.

pub(crate) mod assets;
pub(crate) mod frame;
pub mod samples;
pub(crate) mod states;
pub(crate) mod user_agent;
pub mod words;
