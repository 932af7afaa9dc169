//! How bad a thing is: the eight words of RFC 5424, section 6.2.1, without `debug`, worst first.

use std::fmt;

/// How bad a thing is. Ordered: what is worse is smaller, as in syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing works.
    Emergency,
    /// Somebody must act at once.
    Alert,
    /// Data or service is at risk.
    Critical,
    /// Something failed.
    Error,
    /// Something will fail if nobody acts.
    Warning,
    /// Worth knowing.
    Notice,
    /// For the record.
    Info,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 7] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Alert => "alert",
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        }
    }

    /// The severity of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// Its number in syslog: 0 is the worst.
    pub fn code(self) -> u8 {
        match self {
            Self::Emergency => 0,
            Self::Alert => 1,
            Self::Critical => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_order_agree() {
        for (code, severity) in (0..).zip(Severity::ALL) {
            assert_eq!(severity.code(), code);
            assert_eq!(Severity::from_name(severity.name()), Some(severity));
        }
        assert!(Severity::ALL.is_sorted());
        assert_eq!(Severity::from_name("debug"), None);
    }
}
