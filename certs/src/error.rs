//! Everything that can be wrong with a certificate, a request or a seal, one variant each.
//!
//! The texts are for users and name the thing; what to do about it is the caller's knowledge. Only
//! [`Error::Signing`] and [`Error::Crypto`] are faults of ours, all others are faults of what was given.

use std::fmt;

use time::OffsetDateTime;

/// The result of everything in this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong. `thing` is what a user calls it: `certificate request`, `certificate chain`, `sealed master key`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused before it was looked at.
    #[error("the {thing} is larger than {limit} bytes")]
    TooLarge {
        /// What was given.
        thing: &'static str,
        /// The most bytes it may have.
        limit: usize,
    },
    /// Not PEM at all, damaged PEM, or PEM of another type.
    #[error("the {thing} is not PEM of type {label:?}")]
    NotPem {
        /// What was given.
        thing: &'static str,
        /// The type that was expected between the dashes.
        label: &'static str,
    },
    /// More than one PEM block where one is expected.
    #[error("the {thing} has more than one PEM block")]
    SeveralBlocks {
        /// What was given.
        thing: &'static str,
    },
    /// The right wrapping around something that cannot be read.
    #[error("the {thing} is damaged: it cannot be read")]
    Malformed {
        /// What was given.
        thing: &'static str,
    },
    /// RSA, P-256, Ed25519 and so on.
    #[error("the {thing} uses a key that is not P-384")]
    KeyKind {
        /// What was given.
        thing: &'static str,
    },
    /// Whoever sent the request does not hold its key, or it was changed on the way.
    #[error("the certificate request is not signed by its own key")]
    BadSignature,
    /// The request wants to be a certificate authority.
    #[error("the certificate request asks for the rights of a certificate authority")]
    AsksForAuthority,
    /// Neither an IP address nor a DNS name.
    #[error("{host:?} is neither an IP address nor a DNS name")]
    BadHost {
        /// What was given.
        host: String,
    },
    /// The name that a node alone may have.
    #[error("{host:?} is the name of a node, not the address of one")]
    NameOfNode {
        /// What was given.
        host: String,
    },
    /// A node id or cluster id that does not belong into a certificate.
    #[error("{name:?} cannot name a node or a cluster: use 1 to 40 letters, digits, dashes and underscores")]
    BadName {
        /// What was given.
        name: String,
    },
    /// Times that end before they begin, or that no certificate can carry.
    #[error("the validity does not begin before it ends, or lies outside the years 1970 to 9999")]
    BadValidity,
    /// Not 1 to 20 bytes in hexadecimal.
    #[error("{serial:?} is not a serial number of 1 to 20 bytes in hexadecimal")]
    BadSerial {
        /// What was given.
        serial: String,
    },
    /// The chain's certificate may not sign certificates, or did not sign itself.
    #[error("the certificate chain is not that of a certificate authority")]
    NotAnAuthority,
    /// Another chain than the one that came with the seal: an authority more or less, twice, or in another order.
    #[error("the certificate chain is not the one that the member gave with the sealed master key")]
    OtherChain,
    /// A seal that does not say with which chain it was given, beside a chain of several authorities.
    #[error(
        "the certificate chain has more than one authority, and the sealed master key, made by an earlier version, does not \
         say which"
    )]
    UnboundChain,
    /// The same authority twice.
    #[error("the certificate chain has the same certificate twice")]
    Repeated,
    /// Made by a version that this one does not know.
    #[error("the {thing} was made by another version of this program")]
    OtherVersion {
        /// What was given.
        thing: &'static str,
    },
    /// Signed by another authority than the chain's.
    #[error("the certificate was not issued by the authority of the certificate chain")]
    OtherAuthority,
    /// Made for another key than the one this node holds.
    #[error("the {thing} was made for another key")]
    OtherKey {
        /// What was given.
        thing: &'static str,
    },
    /// Made for another cluster.
    #[error("the {thing} belongs to another cluster")]
    OtherCluster {
        /// What was given.
        thing: &'static str,
    },
    /// Made for another node.
    #[error("the {thing} was made for another node")]
    OtherNode {
        /// What was given.
        thing: &'static str,
    },
    /// No longer valid.
    #[error("the {thing} expired on {}", Day(*since))]
    Expired {
        /// What was given.
        thing: &'static str,
        /// The last second it was good, in unix seconds.
        since: i64,
    },
    /// Not valid yet: one of two clocks is wrong.
    #[error("the {thing} is not valid before {}", Day(*from))]
    NotYetValid {
        /// What was given.
        thing: &'static str,
        /// The first second it is good, in unix seconds.
        from: i64,
    },
    /// The certificate may not be used for both ends of a connection between nodes.
    #[error(
        "the certificate is not one for a node: it must allow both server and client authentication and no signing"
    )]
    WrongPurpose,
    /// The seal is not the authority's, or something under it was changed.
    #[error("the sealed master key was not sealed by the authority of the certificate chain, or was changed since")]
    Forged,
    /// Making a key, a request, a certificate or a revocation list failed.
    #[error("signing failed")]
    Signing(#[from] rcgen::Error),
    /// The cryptographic library refused.
    #[error("{doing} failed")]
    Crypto {
        /// What was being done.
        doing: &'static str,
    },
}

/// A moment in unix seconds as people read it, to the minute.
struct Day(i64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match OffsetDateTime::from_unix_timestamp(self.0) {
            Ok(at) => write!(f, "{} at {:02}:{:02} UTC", at.date(), at.hour(), at.minute()),
            Err(_) => write!(f, "second {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_told_in_words_people_read() {
        let error = Error::Expired {
            thing: "certificate",
            since: 1_700_000_000,
        };
        assert_eq!(error.to_string(), "the certificate expired on 2023-11-14 at 22:13 UTC");
    }
}
