//! Places where a test may kill the agent as SIGKILL does, or halt what it does. A release has none.

/// Dies here when a test named this place.
#[cfg(feature = "failpoints")]
pub(crate) fn crash_point(name: &str) {
    fail::fail_point!(name, |_| {
        tracing::warn!(name, "killed by a fail point");
        nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL).ok();
    });
}

/// Compiled out of the product.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn crash_point(_name: &str) {}

/// Goes no further here when a test named this place.
#[cfg(feature = "failpoints")]
pub(crate) async fn halting_point(name: &str) {
    if fail::eval(name, |_| ()).is_some() {
        tracing::warn!(name, "halted by a fail point");
        std::future::pending::<()>().await;
    }
}

/// Compiled out of the product.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn halting_point(_name: &str) -> std::future::Ready<()> {
    std::future::ready(())
}
