//! The words of events: ours, those of the OWASP Logging Vocabulary, and how loud each is.

use super::What;

/// How loud an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warn,
    Critical,
}

/// What happened, our word, the OWASP word, and how loud it is.
pub(super) type Row = (What, &'static str, &'static str, Level);

/// Every event but the ends of sessions.
pub(super) const TABLE: [Row; 51] = [
    (What::SignedIn, "signed_in", "authn_login_success", Level::Info),
    (What::SignedInAfterFailures, "signed_in_after_failures", "authn_login_successafterfail", Level::Info),
    (What::SignInFailed, "sign_in_failed", "authn_login_fail", Level::Warn),
    (What::SignInThrottled, "sign_in_throttled", "authn_login_fail_max", Level::Warn),
    (What::Replayed, "replayed", "session_renewed", Level::Info),
    (What::Reused, "reused", "authn_token_reuse", Level::Critical),
    (What::NeverIssued, "never_issued", "authn_token_reuse", Level::Critical),
    (What::Reauthenticated, "reauthenticated", "authn_login_success", Level::Info),
    (What::ReauthenticationFailed, "reauthentication_failed", "authn_login_fail", Level::Warn),
    (What::PasswordChanged, "password_changed", "authn_password_change", Level::Info),
    (What::PasswordChangeRefused, "password_change_refused", "authn_password_change_fail", Level::Warn),
    (What::PasswordSet, "password_set", "authn_password_change", Level::Warn),
    (What::CodeIssued, "code_issued", "user_updated", Level::Warn),
    (What::CodeWithdrawn, "code_withdrawn", "user_updated", Level::Warn),
    (What::FailuresForgotten, "failures_forgotten", "user_updated", Level::Warn),
    (What::PasswordChosen, "password_chosen", "authn_password_change", Level::Info),
    (What::CodeRefused, "code_refused", "authn_login_fail", Level::Warn),
    (What::CsrfRefused, "csrf_refused", "malicious_csrf", Level::Warn),
    (What::CrossSiteRefused, "cross_site_refused", "malicious_csrf", Level::Warn),
    (What::TokenInvalid, "token_invalid", "input_validation_fail", Level::Warn),
    (What::TokenDoubled, "token_doubled", "input_validation_fail", Level::Warn),
    (What::TokenOfWrongType, "token_of_wrong_type", "input_validation_fail", Level::Warn),
    (What::RoleMissing, "role_missing", "authz_fail", Level::Warn),
    (What::SignInBusy, "sign_in_busy", "excess_rate_limit_exceeded", Level::Warn),
    (What::AccountCreated, "account_created", "user_created", Level::Warn),
    (What::AccountDisabled, "account_disabled", "user_updated", Level::Warn),
    (What::AccountEnabled, "account_enabled", "user_updated", Level::Warn),
    (What::RolesChanged, "roles_changed", "authz_change", Level::Warn),
    (What::FactorAdded, "factor_added", "user_updated", Level::Info),
    (What::FactorRemoved, "factor_removed", "user_updated", Level::Warn),
    (What::FactorsReset, "factors_reset", "user_updated", Level::Warn),
    (What::RecoveryCodesMade, "recovery_codes_made", "user_updated", Level::Info),
    (What::RecoveryCodeUsed, "recovery_code_used", "authn_login_success", Level::Warn),
    (What::SecondFactorFailed, "second_factor_failed", "authn_login_fail", Level::Warn),
    (What::SecondFactorExhausted, "second_factor_exhausted", "authn_login_fail_max", Level::Warn),
    (What::FactorRequired, "factor_required", "user_updated", Level::Warn),
    (What::FactorNotRequired, "factor_not_required", "user_updated", Level::Warn),
    (What::BrowserTrusted, "browser_trusted", "user_updated", Level::Info),
    (What::BrowserDistrusted, "browser_distrusted", "user_updated", Level::Info),
    (What::PasskeyCounterFell, "passkey_counter_fell", "authn_login_fail", Level::Critical),
    (What::AddressProved, "address_proved", "user_updated", Level::Warn),
    (What::AddressRestored, "address_restored", "user_updated", Level::Warn),
    (What::Disowned, "disowned", "user_updated", Level::Critical),
    (What::LinkRefused, "link_refused", "authn_login_fail", Level::Warn),
    (What::PasswordLeaked, "password_leaked", "authn_login_success", Level::Warn),
    (What::Joined, "joined", "user_created", Level::Info),
    (What::Invited, "invited", "user_created", Level::Warn),
    (What::DeletionAsked, "deletion_asked", "user_archived", Level::Warn),
    (What::DeletionUndone, "deletion_undone", "user_updated", Level::Warn),
    (What::AccountDeleted, "account_deleted", "user_deleted", Level::Warn),
    (What::DataExported, "data_exported", "sensitive_read", Level::Info),
];
