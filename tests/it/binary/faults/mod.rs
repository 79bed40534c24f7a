//! What becomes of the running program when something fails under it.

pub(crate) mod clock_steps;
pub(crate) mod damage;
pub(crate) mod deaf;
pub(crate) mod full_disk;
pub(crate) mod locked;
pub(crate) mod memory;
pub(crate) mod restart;
pub(crate) mod slow_body;
pub(crate) mod store_path;
