//! What does every page show?
//!
//! - `frame`: words, the service's name, who is signed in; `words`: the texts of a language; `assets`: style, script, pictures.
//! - `sitemap`: what is said of a page, and what follows from it; `next` and `paths`: where to go.
//! - `states` and `samples`: every page in every state, for whoever judges templates.
//! - `user_agent`: what a browser calls itself, for people.

pub(crate) mod assets;
pub(crate) mod frame;
pub(crate) mod next;
pub(crate) mod paths;
pub mod samples;
pub(crate) mod sitemap;
pub(crate) mod states;
pub(crate) mod user_agent;
pub mod words;
