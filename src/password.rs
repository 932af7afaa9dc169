//! What a password must be, and who the first account is.
//!
//! Hashing and checking passwords is work: `appliance/src/account`.

use crate::error::{Error, Result};

/// The account every new node has.
pub const FIRST_ACCOUNT: &str = "admin";

/// Its password until it is changed, which the first log-in demands.
pub const FIRST_PASSWORD: &str = "admin";

/// Checks a new password against the default policy: 8 to 1024 bytes with upper and lower case, a digit and another
/// character. Source: the reference product's default policy; the upper bound keeps hashing bounded.
pub fn check_new(password: &str) -> Result<()> {
    let has = |class: fn(char) -> bool| password.chars().any(class);
    let good = (8..=1024).contains(&password.len())
        && has(char::is_uppercase)
        && has(char::is_lowercase)
        && has(|c| c.is_ascii_digit())
        && has(|c| !c.is_alphanumeric());
    if good {
        return Ok(());
    }
    Err(Error::invalid_param(
        "the new password must have 8 to 1024 characters with upper case, lower case, a digit and another character",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_demanded() {
        check_new("Password_1").unwrap();
        for weak in ["admin", "Passw_1", "password_1", "PASSWORD_1", "Password_", "Password1"] {
            assert!(check_new(weak).is_err(), "{weak} was accepted");
        }
    }
}
