//! The version of a PostgreSQL server, and whether its minor version has the fix that a cluster needs.
//!
//! This file decides which minor versions are fixed. It asks no program and no server:
//! `appliance/src/postgres/programs.rs` asks the programs on the disk, `sql/src/server.rs` the server that runs. The pre-flight
//! of a join judges by it ([`crate::join::preflight`]), and so do alarms ([`crate::alarm::judge`]).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The first minor version of each major version in which only listed libraries are loaded as output plugins.
///
/// Source: CVE-2026-6471. Before these versions any role with the attribute `replication` can have the server load any
/// library of its machine as an output plugin of logical decoding. Every peer's role has that attribute. Versions before
/// 15 are not supported here; those that are not listed and come before [`FIXED_SINCE`] count as not fixed.
const FIXED: [ServerVersion; 4] = [
    ServerVersion::new(15, 19),
    ServerVersion::new(16, 15),
    ServerVersion::new(17, 11),
    ServerVersion::new(18, 6),
];

/// The first major version that never had it.
const FIXED_SINCE: u32 = 19;

/// A version of PostgreSQL: `15.20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerVersion {
    /// The major version, which decides what a data folder looks like.
    pub major: u32,
    /// The minor version; 0 for a version that is not released yet.
    pub minor: u32,
}

impl ServerVersion {
    /// A version by its two numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, the answer to `postgres --version`. A version
    /// that is not released yet (`18beta1`) has the minor version 0.
    pub fn of_program(answer: &str) -> Option<Self> {
        let version = answer.strip_prefix("postgres (PostgreSQL) ")?;
        let (major, rest) = leading_number(version)?;
        let minor = rest.strip_prefix('.').and_then(leading_number);
        Some(Self::new(major, minor.map_or(0, |(minor, _)| minor)))
    }

    /// The version in the setting `server_version_num`: 150018 is 15.18.
    pub fn of_number(number: i32) -> Self {
        let number = number.unsigned_abs();
        Self::new(number / 10_000, number % 10_000)
    }

    /// Whether it has the fix of CVE-2026-6471.
    pub fn is_fixed(self) -> bool {
        self.major >= FIXED_SINCE || self.first_fixed().is_some_and(|fixed| self >= fixed)
    }

    /// Refuses a version without the fix. The caller decides whether that is an error or a warning.
    ///
    /// # Errors
    /// [`crate::Kind::Conflict`], with a hint at the version to install.
    pub fn must_be_fixed(self) -> Result<()> {
        if self.is_fixed() {
            return Ok(());
        }
        let text = format!(
            "PostgreSQL {self} has the hole CVE-2026-6471: every member of the cluster can make it load any library of its \
             machine"
        );
        let wanted = match self.first_fixed() {
            Some(fixed) => format!("PostgreSQL {fixed} or newer"),
            None => format!("a PostgreSQL that has the fix ({})", fixed_minors()),
        };
        Err(Error::conflict(text).with_hint(format!(
            "install {wanted} (Debian: `apt install --only-upgrade postgresql-{}`), then restart the node: \
             `systemctl restart keysteadd`",
            self.major
        )))
    }

    fn first_fixed(self) -> Option<Self> {
        FIXED.into_iter().find(|fixed| fixed.major == self.major)
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

fn fixed_minors() -> String {
    FIXED.map(|version| version.to_string()).join(", ")
}

/// The number that a text begins with, and what follows it.
fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_programs_say_of_themselves() {
        for (answer, version) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                Some(ServerVersion::new(15, 18)),
            ),
            ("postgres (PostgreSQL) 17.11", Some(ServerVersion::new(17, 11))),
            ("postgres (PostgreSQL) 18beta1", Some(ServerVersion::new(18, 0))),
            ("postgres (PostgreSQL) devel", None),
            ("postgres (EnterpriseDB) 15", None),
            ("", None),
        ] {
            assert_eq!(ServerVersion::of_program(answer), version, "{answer}");
        }
    }

    #[test]
    fn the_version_is_read_from_the_number_of_the_server() {
        assert_eq!(ServerVersion::of_number(150_018), ServerVersion::new(15, 18));
        assert_eq!(ServerVersion::of_number(180_000), ServerVersion::new(18, 0));
    }

    #[test]
    fn each_major_version_is_fixed_from_its_own_minor_version_on() {
        for (major, minor) in [(15, 19), (16, 15), (17, 11), (18, 6)] {
            assert!(!ServerVersion::new(major, minor - 1).is_fixed(), "{major}.{minor}");
            assert!(ServerVersion::new(major, minor).is_fixed(), "{major}.{minor}");
            assert!(ServerVersion::new(major, minor + 1).is_fixed(), "{major}.{minor}");
        }
    }

    #[test]
    fn from_19_on_every_version_is_fixed_and_an_unknown_older_one_is_not() {
        assert!(ServerVersion::new(19, 0).is_fixed());
        assert!(ServerVersion::new(20, 1).is_fixed());
        assert!(!ServerVersion::new(14, 99).is_fixed());
    }

    #[test]
    fn the_refusal_names_the_hole_and_the_version_to_install() {
        let error = ServerVersion::new(15, 18).must_be_fixed().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("PostgreSQL 15.18 has the hole CVE-2026-6471"),
            "{error}"
        );
        let hint = error.hint().unwrap_or_default();
        assert!(
            hint.contains("15.19 or newer") && hint.contains("postgresql-15"),
            "{hint}"
        );
        let hint = ServerVersion::new(14, 9).must_be_fixed().unwrap_err();
        assert!(
            hint.hint()
                .is_some_and(|hint| hint.contains("15.19, 16.15, 17.11, 18.6"))
        );
        ServerVersion::new(18, 6).must_be_fixed().unwrap();
    }
}
