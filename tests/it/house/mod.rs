//! What the project promises about itself: its walls, its documents, its examples, its kit.

pub(crate) mod architecture;
pub(crate) mod docs;
pub(crate) mod examples;
pub(crate) mod guide;
pub(crate) mod interface;
pub(crate) mod kit;
pub(crate) mod regressions;
pub(crate) mod small_mercies;
pub(crate) mod toolchain;
