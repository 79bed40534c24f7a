//! The state machine of refreshing: against a model of its own words, and over every interleaving of a small network.
//!
//! Nothing here speaks HTTP; `sessions` asks the same questions through the application, `races` through the program.

mod histories;
mod laws;
mod network;
mod search;
