//! Sessions through the application, with a clock that is moved: how long they last, what keeps them safe, who is told.

mod deadlines;
mod events;
mod field_lessons;
mod freshness;
mod list;
