//! When a certificate or a revocation list ends.
//!
//! It reads the date and believes it: whether the thing is to be trusted is [`crate::chain`]'s matter.

use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::certificate::{self, CHAIN};
use crate::error::{Error, Result};
use crate::pem::Expected;
use crate::{CERTIFICATE_LIMIT, LISTS_LIMIT};

const LIST: &str = "revocation list";

/// The last second that all certificates of a chain in PEM are good, in unix seconds.
pub fn certificate_ends(pem: &str) -> Result<i64> {
    let not_pem = || Error::NotPem {
        thing: CHAIN,
        label: "CERTIFICATE",
    };
    let mut first = None;
    for block in blocks(CHAIN, CERTIFICATE_LIMIT, pem)? {
        let block = block.map_err(|_| not_pem())?;
        let ends = certificate::parse(CHAIN, &block.contents)?
            .validity()
            .not_after
            .timestamp();
        first = Some(first.map_or(ends, |first: i64| first.min(ends)));
    }
    first.ok_or_else(not_pem)
}

/// The last second that all revocation lists in PEM are good, in unix seconds; `None` when one does not say.
pub fn revocation_list_ends(pem: &str) -> Result<Option<i64>> {
    let malformed = || Error::Malformed { thing: LIST };
    let mut first = None;
    for block in blocks(LIST, LISTS_LIMIT, pem)? {
        let block = block.map_err(|_| malformed())?;
        let (_, list) = CertificateRevocationList::from_der(&block.contents).map_err(|_| malformed())?;
        let Some(ends) = list.next_update().map(|at| at.timestamp()) else {
            return Ok(None);
        };
        first = Some(first.map_or(ends, |first: i64| first.min(ends)));
    }
    first.map(Some).ok_or_else(malformed)
}

/// The DER of every revocation list in PEM; at least one, and nothing else.
pub(crate) fn list_blocks(pem: &str) -> Result<Vec<Vec<u8>>> {
    let expected = Expected {
        thing: LIST,
        label: "X509 CRL",
        limit: LISTS_LIMIT,
    };
    expected.read_all(pem)
}

fn blocks(
    thing: &'static str,
    limit: usize,
    pem: &str,
) -> Result<impl Iterator<Item = std::result::Result<Pem, x509_parser::error::PEMError>>> {
    if pem.len() > limit {
        return Err(Error::TooLarge { thing, limit });
    }
    Ok(Pem::iter_from_buffer(pem.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, self_signed};

    #[test]
    fn a_chain_is_as_good_as_its_first_certificate_to_end() {
        let (soon, _) = self_signed(&["a".to_owned()], 1_700_000_000, 1_700_000_100).unwrap();
        let (late, _) = self_signed(&["b".to_owned()], 1_700_000_000, 1_700_000_900).unwrap();
        assert_eq!(certificate_ends(&late).unwrap(), 1_700_000_900);
        assert_eq!(certificate_ends(&(late + &soon)).unwrap(), 1_700_000_100);
    }

    #[test]
    fn a_revocation_list_says_when_the_next_one_comes() {
        let authority = Authority::create("c", 1_700_000_000, 1_900_000_000).unwrap();
        let list = authority.revocation_list(&[], 1_700_000_000, 1_800_000_000, 1).unwrap();
        assert_eq!(revocation_list_ends(&list).unwrap(), Some(1_800_000_000));
        let sooner = authority.revocation_list(&[], 1_700_000_000, 1_700_000_100, 2).unwrap();
        assert_eq!(revocation_list_ends(&(list + &sooner)).unwrap(), Some(1_700_000_100));
    }

    #[test]
    fn what_is_neither_is_refused() {
        assert!(certificate_ends("").is_err() && certificate_ends("no pem").is_err());
        assert!(revocation_list_ends("").is_err());
    }
}
