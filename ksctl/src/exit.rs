//! From the kind of an end to the exit code: the one place that knows the numbers.
//!
//! The table is in `docs/ksctl.md` for scripts; a number never changes its meaning. 0 is "done".

use crate::failure::Kind;

/// The exit code of a command that ended badly.
pub(crate) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 1,
        Kind::Usage => 2,
        Kind::Unreachable => 3,
        Kind::Internal => 4,
        // As a shell says it of what SIGINT ended.
        Kind::Interrupted => 130,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let documented = include_str!("../../docs/ksctl.md");
        for kind in [
            Kind::Refused,
            Kind::Usage,
            Kind::Unreachable,
            Kind::Internal,
            Kind::Interrupted,
        ] {
            let row = format!("| {} |", code(kind));
            assert!(
                documented.contains(&row),
                "docs/ksctl.md has no row {row:?} for {kind:?}"
            );
        }
    }
}
