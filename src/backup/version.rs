//! Which version may restore a backup of which.

use crate::error::{Error, Result};

/// A backup this many minor versions old is restored without a word. Source: the contract of the clients.
const MINORS_BACK: u64 = 3;

/// May a node of version `own` restore a backup that version `of` made? `force` takes older ones too.
pub fn may_restore(of: &str, own: &str, force: bool) -> Result<()> {
    let unknown = |version: &str| Error::invalid_param(format!("{version:.40} is not a version of this product"));
    let made = parts(of).ok_or_else(|| unknown(of))?;
    let here = parts(own).ok_or_else(|| unknown(own))?;
    if made > here {
        return Err(
            Error::conflict(format!("the backup was made by version {of}, this node runs {own}"))
                .with_hint("upgrade this node first: a later version may have put things in that this one loses"),
        );
    }
    let is_near = made.0 == here.0 && here.1 - made.1 <= MINORS_BACK;
    if !is_near && !force {
        return Err(Error::conflict(format!(
            "the backup was made by version {of}, more than {MINORS_BACK} minor versions before {own}"
        ))
        .with_hint("--force restores it all the same; what did not exist then has its default"));
    }
    Ok(())
}

/// Major, minor and patch.
fn parts(version: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = version.split('.').map(|part| part.parse().ok());
    let all = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_ones_are_taken_up_to_three_minor_versions_back_and_further_with_force() {
        for (of, own, taken, forced) in [
            ("1.4.2", "1.4.2", true, true),
            ("1.4.0", "1.4.2", true, true),
            ("1.1.9", "1.4.0", true, true),
            ("1.0.0", "1.4.0", false, true),
            ("0.9.0", "1.0.0", false, true),
            ("1.4.3", "1.4.2", false, false),
            ("2.0.0", "1.9.9", false, false),
        ] {
            assert_eq!(may_restore(of, own, false).is_ok(), taken, "{of} on {own}");
            assert_eq!(may_restore(of, own, true).is_ok(), forced, "{of} on {own}, forced");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for version in ["", "1", "1.2", "1.2.x", "1.2.3.4"] {
            assert!(may_restore(version, "1.0.0", true).is_err(), "{version:?}");
        }
    }
}
