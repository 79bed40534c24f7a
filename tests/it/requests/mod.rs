//! What a request may try: forgeries, other sites, other spellings, what no form of ours sends.

pub(crate) mod attacks;
pub(crate) mod bad_input;
pub(crate) mod budgets;
pub(crate) mod csrf;
pub(crate) mod headers;
pub(crate) mod old_forms;
pub(crate) mod programs;
pub(crate) mod protected;
pub(crate) mod spellings;
pub(crate) mod trusted_origins;
pub(crate) mod trusted_proxies;
