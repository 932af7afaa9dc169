//! Of which authorities there is a revocation list.
//!
//! It reads and counts; making lists is [`crate::authority`]'s, checking certificates against them is for those who connect.

use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::certificate::{self, CHAIN};
use crate::chain::authorities;
use crate::ending::list_blocks;
use crate::error::{Error, Result};

/// How many authorities of `chain_pem` have no list in `lists_pem`, signed by themselves: whoever checks certificates of
/// those against the lists checks nothing.
///
/// # Errors
/// When either cannot be read.
pub fn unchecked_authorities(chain_pem: &str, lists_pem: &str) -> Result<usize> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    let blocks = list_blocks(lists_pem)?;
    let lists: Vec<CertificateRevocationList<'_>> = blocks.iter().map(|der| list(der)).collect::<Result<_>>()?;
    let has_list = |authority: &x509_parser::certificate::X509Certificate<'_>| {
        lists.iter().any(|list| {
            list.issuer().as_raw() == authority.subject().as_raw()
                && list.verify_signature(authority.public_key()).is_ok()
        })
    };
    Ok(authorities(&chain)?.iter().filter(|one| !has_list(one)).count())
}

fn list(der: &[u8]) -> Result<CertificateRevocationList<'_>> {
    match CertificateRevocationList::from_der(der) {
        Ok(([], list)) => Ok(list),
        _ => Err(Error::Malformed {
            thing: "revocation list",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authority;

    const NOW: i64 = 1_800_000_000;

    fn authority() -> Authority {
        Authority::create("c", NOW - 100, NOW + 1000).unwrap()
    }

    fn list_of(authority: &Authority) -> String {
        authority.revocation_list(&[], NOW - 50, NOW + 50, 1).unwrap()
    }

    #[test]
    fn each_authority_needs_a_list_that_it_has_signed() {
        let (old, new) = (authority(), authority());
        let both = format!("{}{}", old.cert_pem(), new.cert_pem());
        let lists = format!("{}{}", list_of(&old), list_of(&new));
        assert_eq!(unchecked_authorities(&both, &lists).unwrap(), 0);
        assert_eq!(unchecked_authorities(&both, &list_of(&new)).unwrap(), 1);
        assert_eq!(unchecked_authorities(old.cert_pem(), &list_of(&new)).unwrap(), 1);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let old = authority();
        for text in [
            "",
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            old.cert_pem(),
        ] {
            assert!(unchecked_authorities(old.cert_pem(), text).is_err(), "{text:?}");
        }
    }
}
