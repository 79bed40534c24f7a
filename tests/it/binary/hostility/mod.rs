//! What becomes of it when somebody means it ill.

pub(crate) mod connections;
pub(crate) mod flood;
pub(crate) mod hostile;
pub(crate) mod method_override;
pub(crate) mod random_requests;
