//! The UUID that a key is shown with: made from the beginning of its id, which is random.
//!
//! Six bits of a UUID say of which kind it is (RFC 9562, sections 4.1 and 4.2), and are not the id's. So a UUID belongs to
//! the ids with one of 64 beginnings.

/// How many digits of an id are in its UUID.
const DIGITS: usize = 32;

/// Where the version of a UUID stands among its digits, and where the variant.
const VERSION: usize = 12;
const VARIANT: usize = 16;

/// Where the groups of a UUID end.
const GROUPS: [usize; 4] = [8, 12, 16, 20];

/// The UUID of the key with this id, of version 4 as one made of random numbers is.
pub fn of(id: &str) -> String {
    let mut uuid = String::with_capacity(DIGITS + GROUPS.len());
    for (place, digit) in id.chars().chain(std::iter::repeat('0')).take(DIGITS).enumerate() {
        if GROUPS.contains(&place) {
            uuid.push('-');
        }
        uuid.push(match place {
            VERSION => '4',
            VARIANT => variant(digit),
            _ => digit,
        });
    }
    uuid
}

/// The digit with the two bits of the variant, `10`.
fn variant(digit: char) -> char {
    let bits = digit.to_digit(16).unwrap_or_default() & 3 | 8;
    char::from_digit(bits, 16).unwrap_or('8')
}

/// How ids begin whose UUID this is; nothing when it is the UUID of no key.
pub fn beginnings(uuid: &str) -> Option<Vec<String>> {
    let digits: String = uuid
        .chars()
        .filter(|digit| *digit != '-')
        .collect::<String>()
        .to_ascii_lowercase();
    let is_one = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_one || of(&digits) != uuid.to_ascii_lowercase() {
        return None;
    }
    let (before, between, after) = (
        digits.get(..VERSION)?,
        digits.get(VERSION + 1..VARIANT)?,
        digits.get(VARIANT + 1..)?,
    );
    let low = digits.chars().nth(VARIANT)?.to_digit(16)? & 3;
    let hex = |number| char::from_digit(number, 16);
    let all = (0..16).flat_map(|version| (0..4).map(move |high| (version, high << 2 | low)));
    all.map(|(version, variant)| Some(format!("{before}{}{between}{}{after}", hex(version)?, hex(variant)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_among_the_beginnings_of_its_uuid() {
        for seed in 0..64_u64 {
            let part = |part: u64| {
                u128::from(seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834 + u128::from(part))
            };
            let id = format!("{:032x}{:032x}", part(0), part(1));
            let all = beginnings(&of(&id)).unwrap();
            assert_eq!(all.len(), 64);
            assert_eq!(all.iter().filter(|beginning| id.starts_with(*beginning)).count(), 1);
        }
    }

    #[test]
    fn a_uuid_has_its_form() {
        assert_eq!(of(&"ab".repeat(32)), "abababab-abab-4bab-abab-abababababab");
        assert_eq!(of(&"00".repeat(32)), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn what_is_the_uuid_of_no_key_has_no_beginnings() {
        for text in [
            "abababab-abab-1bab-abab-abababababab",
            "abababab-abab-4bab-cbab-abababababab",
            "abababababab4bababababababababab",
            "abababab-abab-4bab-abab-ababababab",
            "key",
            "",
        ] {
            assert_eq!(beginnings(text), None, "{text}");
        }
        assert!(beginnings("ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB").is_some());
    }
}
