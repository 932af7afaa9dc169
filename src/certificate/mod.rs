//! Certificates that never stop a cluster: when one is renewed, and how the authority is exchanged.
//!
//! Pure: dates, fingerprints and what the members say come in. Next: `renewal.rs` decides when, `exchange.rs` decides who
//! signs and when the old authority may go; `appliance/src/certificates` does it.

pub mod exchange;
pub mod renewal;

use serde::{Deserialize, Serialize};

/// What one node says of its certificate and of whom it believes. Only that node writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The serial number of its certificate, in hexadecimal.
    pub serial: String,
    /// The fingerprint of the authority that issued it.
    pub authority: String,
    /// The first second it is good, in seconds since 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// From when on it is renewed.
    pub renewed_from: i64,
    /// The fingerprints of the authorities whose certificates the node takes, its PostgreSQL too.
    pub trusts: Vec<String>,
    /// Does its certificate name the node beside its address? Those of earlier versions do not.
    #[serde(default)]
    pub names_node: bool,
    /// Its earlier certificates that have not ended: to be revoked with the last one.
    pub former: Vec<Former>,
}

/// A certificate that was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// Its serial number.
    pub serial: String,
    /// The last second it is good.
    pub not_after: i64,
}

impl Told {
    /// This, after what the node said `before`, at `now`: a certificate that was renewed is remembered until it ends.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>, now: i64) -> Self {
        let Some(before) = before else { return self };
        self.former.clone_from(&before.former);
        if before.serial != self.serial {
            self.former.push(Former {
                serial: before.serial.clone(),
                not_after: before.not_after,
            });
        }
        self.former.retain(|former| former.not_after >= now);
        self
    }

    /// The serial numbers of all its certificates that may still be good.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        let former = self.former.iter().map(|former| former.serial.as_str());
        std::iter::once(self.serial.as_str()).chain(former)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(serial: &str, not_after: i64) -> Told {
        Told {
            serial: serial.to_owned(),
            authority: "a".to_owned(),
            not_before: 0,
            not_after,
            renewed_from: not_after,
            trusts: vec!["a".to_owned()],
            names_node: true,
            former: Vec::new(),
        }
    }

    #[test]
    fn a_certificate_that_was_renewed_is_remembered_until_it_ends() {
        let second = told("2", 200).after(Some(&told("1", 100)), 90);
        assert_eq!(second.serials().collect::<Vec<_>>(), ["2", "1"]);
        let same = told("2", 200).after(Some(&second), 100);
        assert_eq!(same, second);
        let third = told("3", 300).after(Some(&same), 150);
        assert_eq!(third.serials().collect::<Vec<_>>(), ["3", "2"]);
        assert_eq!(told("1", 100).after(None, 0), told("1", 100));
    }
}
