//! What a password must be, and who the first account is.
//!
//! Hashing and checking passwords is work: `appliance/src/account`.

use crate::error::{Error, Result};

/// The account every new node has.
pub const FIRST_ACCOUNT: &str = "admin";

/// Its password until it is changed, where that is set in the configuration; else it is random.
pub const FIRST_PASSWORD: &str = "admin";

/// Random passwords, for people to type once.
pub mod random {
    /// Random bytes that one is made of: five bits of each count, 100 in all.
    pub const BYTES: usize = 20;

    /// 32 characters, none of which is taken for another.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

    /// The password of these bytes, in groups of five. It is made in place, so that whoever wipes it wipes all of it.
    pub fn from_bytes(bytes: &[u8; BYTES]) -> String {
        let mut password = String::with_capacity(BYTES + BYTES / 5);
        for (number, byte) in bytes.iter().enumerate() {
            if number > 0 && number % 5 == 0 {
                password.push('-');
            }
            let character = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or_default();
            password.push(char::from(character));
        }
        password
    }
}

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
    fn a_random_password_has_a_character_for_five_bits_of_each_byte() {
        let bytes: [u8; random::BYTES] = std::array::from_fn(|number| u8::try_from(number * 12).unwrap());
        assert_eq!(random::from_bytes(&bytes), "an2es-6iwan-2es6i-wan2e");
        assert_eq!(random::from_bytes(&[0xff; random::BYTES]), "99999-99999-99999-99999");
    }

    #[test]
    fn each_class_is_demanded() {
        check_new("Password_1").unwrap();
        for weak in ["admin", "Passw_1", "password_1", "PASSWORD_1", "Password_", "Password1"] {
            assert!(check_new(weak).is_err(), "{weak} was accepted");
        }
    }
}
