//! What a validity is, and whether a moment is in it.
//!
//! Times are unix seconds and both ends belong to the validity, as RFC 5280 4.1.2.5 has it.

use time::OffsetDateTime;

use crate::error::{Error, Result};

/// A moment as certificates carry it: the years 1970 to 9999.
pub(crate) fn moment(seconds: i64) -> Result<OffsetDateTime> {
    if seconds < 0 {
        return Err(Error::BadValidity);
    }
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Error::BadValidity)
}

/// Both ends of a validity that is not empty.
pub(crate) fn span(not_before: i64, not_after: i64) -> Result<(OffsetDateTime, OffsetDateTime)> {
    if not_before >= not_after {
        return Err(Error::BadValidity);
    }
    Ok((moment(not_before)?, moment(not_after)?))
}

/// Refuses a thing that `now` is before or after.
pub(crate) fn check(thing: &'static str, not_before: i64, not_after: i64, now: i64) -> Result<()> {
    if now < not_before {
        Err(Error::NotYetValid {
            thing,
            from: not_before,
        })
    } else if now > not_after {
        Err(Error::Expired {
            thing,
            since: not_after,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_the_validity() {
        assert!(check("certificate", 10, 20, 10).is_ok());
        assert!(check("certificate", 10, 20, 20).is_ok());
        assert!(matches!(
            check("certificate", 10, 20, 9),
            Err(Error::NotYetValid { from: 10, .. })
        ));
        assert!(matches!(
            check("certificate", 10, 20, 21),
            Err(Error::Expired { since: 20, .. })
        ));
    }

    #[test]
    fn times_no_certificate_can_carry_are_refused() {
        for (from, to) in [(5, 5), (6, 5), (-1, 5), (0, i64::MAX), (i64::MIN, i64::MAX)] {
            assert!(
                matches!(span(from, to), Err(Error::BadValidity)),
                "{from} to {to} was accepted"
            );
        }
    }
}
