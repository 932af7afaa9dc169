//! Which version this agent is: what it tells its users and its peers.

/// The product's version.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn version() -> String {
    keystead::VERSION.to_owned()
}

/// The same, or the one that a test gives it: two builds in one. A release has only its own.
#[cfg(feature = "failpoints")]
pub(crate) fn version() -> String {
    std::env::var("KEYSTEAD_VERSION").unwrap_or_else(|_| keystead::VERSION.to_owned())
}
