//! Who must have a write before it is acknowledged: this node alone (`local`), or K other members too (`any-K`).
//!
//! Decides what a request may ask, what holds when it asks for nothing, and how a refusal reads. It never waits: that
//! is `appliance/src/acknowledge`, and PostgreSQL underneath. Next: [`super::standbys`], what PostgreSQL is told.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind, Result};

/// The header of a request that asks for an acknowledgement, and of an answer that says which one was given.
pub const HEADER: &str = "x-keystead-ack";

/// The name of the cluster's property that says what holds when a request asks for nothing.
pub const PROPERTY: &str = "ack";

/// The word for a property that was never set.
pub const DEFAULT: &str = "default";

/// The most others there can be: one less than the most members.
const MOST: u8 = 19;

/// Where a write is durable when it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ack {
    /// On the disk of the node that took it.
    Local,
    /// And on the disks of so many other members, whichever are first; from 1 to 19.
    Any(u8),
}

impl Ack {
    /// How many other members must have the write.
    pub fn peers(self) -> u8 {
        match self {
            Self::Local => 0,
            Self::Any(peers) => peers,
        }
    }
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Any(peers) => write!(f, "any-{peers}"),
        }
    }
}

impl FromStr for Ack {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "local" {
            return Ok(Self::Local);
        }
        let digits = text.strip_prefix("any-").unwrap_or_default();
        let plain = !digits.starts_with(['+', '0']);
        match digits.parse() {
            Ok(peers @ 1..=MOST) if plain => Ok(Self::Any(peers)),
            _ => Err(Error::invalid_param(format!(
                "ack is local or any-1 to any-{MOST}, not {text:.40}"
            ))),
        }
    }
}

/// What a write does, as far as its acknowledgement depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Makes a key, or ends one: lost, it would cost data, or bring back what was to be gone.
    MakesOrEndsKey,
    /// Changes what is said of a key.
    ChangesKey,
}

/// What a node goes by: the cluster's property and how many other members there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The property; `None` while it was never set.
    pub property: Option<Ack>,
    /// Members other than this one.
    pub peers: u8,
}

impl Terms {
    /// How many others PostgreSQL waits for when a transaction waits at all. It has one such number, so whoever asks for
    /// fewer gets as many. 1 even when the property is `local`, so that a request may ask for it.
    pub fn quorum(self) -> u8 {
        self.property.map_or(1, Ack::peers).min(self.peers).max(1)
    }

    /// What holds for an operation when its request asks for nothing.
    pub fn unasked(self, operation: Operation) -> Ack {
        match (self.property, operation) {
            (Some(property), _) => property,
            (None, Operation::MakesOrEndsKey) if self.peers > 0 => Ack::Any(1),
            (None, _) => Ack::Local,
        }
    }

    /// What a write is to be acknowledged with, given what its request asks for.
    ///
    /// # Errors
    /// A request that asks for more than there are members or than the property has PostgreSQL wait for; a property
    /// that there are no longer enough members for.
    pub fn effective(self, asked: Option<Ack>, operation: Operation) -> Result<Ack> {
        match (asked, self.unasked(operation)) {
            (Some(Ack::Local), _) | (None, Ack::Local) => Ok(Ack::Local),
            (Some(Ack::Any(peers)), _) => self.asked_for(peers),
            (None, Ack::Any(peers)) if peers > self.peers => Err(self.too_few_for_property(peers)),
            (None, Ack::Any(_)) => Ok(Ack::Any(self.quorum())),
        }
    }

    fn asked_for(self, peers: u8) -> Result<Ack> {
        if peers > self.peers {
            return Err(too_many(Ack::Any(peers), self.peers));
        }
        if peers > self.quorum() {
            let (asked, held) = (Ack::Any(peers), Ack::Any(self.quorum()));
            return Err(
                Error::invalid_param(format!("{asked} is more than the cluster waits for, which is {held}")).with_hint(
                    format!("raise it for the cluster: `ksctl cluster ack set --ack {asked}`"),
                ),
            );
        }
        Ok(Ack::Any(self.quorum()))
    }

    fn too_few_for_property(self, peers: u8) -> Error {
        Error::unavailable(format!(
            "nothing was written: the cluster's ack is any-{peers}, and there {}",
            there(self.peers)
        ))
        .with_hint(format!(
            "add members, lower it with `ksctl cluster ack set`, or {}",
            go_without()
        ))
    }
}

/// Checks a new value of the property in a cluster with so many members beside this one.
///
/// # Errors
/// When there are not as many: every write would be refused.
pub fn may_set(property: Option<Ack>, peers: u8) -> Result<()> {
    match property {
        Some(ack) if ack.peers() > peers => Err(too_many(ack, peers)),
        _ => Ok(()),
    }
}

fn too_many(asked: Ack, peers: u8) -> Error {
    Error::invalid_param(format!(
        "{asked} needs {}, and there {}",
        others(asked.peers()),
        there(peers)
    ))
}

fn others(count: u8) -> String {
    match count {
        0 => "no other member".to_owned(),
        1 => "1 other member".to_owned(),
        more => format!("{more} other members"),
    }
}

fn there(count: u8) -> String {
    format!("{} {}", if count > 1 { "are" } else { "is" }, others(count))
}

fn go_without() -> &'static str {
    "send `X-Keystead-Ack: local` (`--ack local`) to be acknowledged by this node alone"
}

/// Too few others are there to wait for. `missing` are the addresses of those that are not.
pub fn short_of_peers(ack: Ack, missing: &[String]) -> Error {
    let needed = others(ack.peers());
    let text = format!("nothing was written: {ack} needs {needed}, and too few are connected");
    let hint = if missing.is_empty() {
        format!("try again, or {}", go_without())
    } else {
        format!("bring back {}, or {}", missing.join(" or "), go_without())
    };
    Error::unavailable(text).with_hint(hint)
}

/// A write that could not even begin to wait within the time: something held its row or its name.
pub fn given_up(seconds: u64) -> Error {
    Error::unavailable(format!(
        "nothing was written: another write to the same key or name did not end within {seconds} s"
    ))
    .with_hint("try again")
}

/// A write whose end this node did not get to know: its PostgreSQL went away meanwhile.
pub fn not_known() -> Error {
    Error::unavailable("this node's PostgreSQL went away meanwhile: it is not known whether this was written")
        .with_hint("look for it before trying again")
}

/// A write that is durable on this node and that the others did not confirm.
pub fn unconfirmed(ack: Ack, written: Written) -> Error {
    let text = format!(
        "written on this node, and not yet confirmed by {} ({ack}); it will get there by itself",
        others(ack.peers())
    );
    Error::new(Kind::Unconfirmed, text)
        .with_hint("do not do it again: go on with its id; until it has arrived, it is lost if this node's disk is")
        .about(written)
}

/// What a refusal is about, though it was refused: an object that was written all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: String,
    /// The version of its row.
    pub row_version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAKE: Operation = Operation::MakesOrEndsKey;
    const CHANGE: Operation = Operation::ChangesKey;

    fn terms(property: Option<Ack>, peers: u8) -> Terms {
        Terms { property, peers }
    }

    #[test]
    fn all_members_but_one_can_be_waited_for() {
        assert_eq!(usize::from(MOST), crate::member::MAX_NODES - 1);
    }

    #[test]
    fn an_ack_is_read_as_it_is_written_and_nothing_else_is() {
        for ack in [Ack::Local, Ack::Any(1), Ack::Any(19)] {
            assert_eq!(ack.to_string().parse::<Ack>().unwrap(), ack);
        }
        for wrong in [
            "", "any", "any-", "any-0", "any-20", "any-01", "any-+1", "any--1", "ANY-1", "2", "all",
        ] {
            let refused = wrong.parse::<Ack>().unwrap_err();
            assert_eq!(refused.kind(), Kind::InvalidParam, "{wrong}");
            assert!(refused.to_string().contains(wrong), "{refused}");
        }
    }

    #[test]
    fn a_key_is_on_two_nodes_before_it_is_acknowledged_as_soon_as_there_are_two() {
        assert_eq!(terms(None, 0).effective(None, MAKE).unwrap(), Ack::Local);
        assert_eq!(terms(None, 1).effective(None, MAKE).unwrap(), Ack::Any(1));
        assert_eq!(terms(None, 1).effective(None, CHANGE).unwrap(), Ack::Local);
    }

    #[test]
    fn the_property_holds_for_every_write_that_asks_for_nothing() {
        for operation in [MAKE, CHANGE] {
            assert_eq!(
                terms(Some(Ack::Local), 2).effective(None, operation).unwrap(),
                Ack::Local
            );
            assert_eq!(
                terms(Some(Ack::Any(2)), 2).effective(None, operation).unwrap(),
                Ack::Any(2)
            );
        }
    }

    #[test]
    fn a_request_may_always_ask_for_less_and_waits_for_no_fewer_than_postgresql_does() {
        let strict = terms(Some(Ack::Any(2)), 3);
        assert_eq!(strict.effective(Some(Ack::Local), MAKE).unwrap(), Ack::Local);
        assert_eq!(strict.effective(Some(Ack::Any(1)), MAKE).unwrap(), Ack::Any(2));
        let lax = terms(Some(Ack::Local), 3);
        assert_eq!(lax.effective(Some(Ack::Any(1)), CHANGE).unwrap(), Ack::Any(1));
    }

    #[test]
    fn more_than_there_are_members_or_than_the_cluster_waits_for_is_refused_with_the_way_out() {
        let refused = terms(None, 1).effective(Some(Ack::Any(2)), MAKE).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "any-2 needs 2 other members, and there is 1 other member"
        );
        let refused = terms(None, 3).effective(Some(Ack::Any(2)), MAKE).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvalidParam);
        assert!(
            refused
                .hint()
                .is_some_and(|hint| hint.contains("cluster ack set --ack any-2"))
        );
        assert!(terms(None, 0).effective(Some(Ack::Any(1)), MAKE).is_err());
    }

    #[test]
    fn a_property_is_never_weakened_by_members_that_left() {
        let left = terms(Some(Ack::Any(2)), 1);
        assert_eq!(left.effective(None, MAKE).unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(left.effective(Some(Ack::Any(1)), MAKE).unwrap(), Ack::Any(1));
        assert_eq!(left.quorum(), 1);
    }

    #[test]
    fn the_property_is_set_to_what_the_members_can_keep() {
        may_set(Some(Ack::Any(2)), 2).unwrap();
        may_set(None, 0).unwrap();
        may_set(Some(Ack::Local), 0).unwrap();
        assert!(may_set(Some(Ack::Any(3)), 2).is_err());
    }

    #[test]
    fn what_was_written_and_not_confirmed_is_told_with_its_id() {
        let written = Written {
            id: "k".to_owned(),
            row_version: 7,
        };
        let refused = unconfirmed(Ack::Any(1), written.clone());
        assert_eq!(refused.written(), Some(&written));
        assert!(refused.to_string().starts_with("written on this node"));
    }
}
