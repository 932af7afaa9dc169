//! How much WAL may be kept for members that do not fetch it, so that it never fills the disk; which slot is given up when
//! the disk fills all the same; and when a disk counts as full.
//!
//! Pure: sizes in, sizes out. `appliance/src/disk` measures and acts. Decision 26 says why it is done in this way.

use crate::alarm::judge::Disk;

/// Percent used from which a slot is given up. Below what PostgreSQL needs to go on.
pub const GIVE_UP_AT: u64 = 85;

/// WAL comes in files of this size.
const SEGMENT: u64 = 16 << 20;

/// PostgreSQL's own limits of WAL between two checkpoints and of files kept for reuse: not exceeded, only lowered.
const MAX_WAL: u64 = 1 << 30;
const MIN_WAL: u64 = 80 << 20;

/// The least that PostgreSQL takes for either.
const LEAST_WAL: u64 = 2 * SEGMENT;

/// What PostgreSQL may keep. Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// For a member that does not fetch it: `max_slot_wal_keep_size`.
    pub slot: u64,
    /// Between two checkpoints: `max_wal_size`. Slots are given up only at checkpoints.
    pub wal: u64,
    /// For reuse: `min_wal_size`.
    pub reused: u64,
}

/// What may be kept on this disk when `kept` bytes are kept for slots now, and never more than `configured`.
///
/// So much that everything else on the disk, the slots at their limit and what is written until the next checkpoint is
/// below [`GIVE_UP_AT`]; on a disk that is nearly there without them, half of what else is free. It does not depend on
/// how much is kept now, as that is part of what is used.
pub fn bounds(disk: Disk, kept: u64, configured: u64) -> Bounds {
    let all = disk.used.saturating_add(disk.free);
    let wal = whole(all / 8).clamp(LEAST_WAL, MAX_WAL);
    let others = disk.used.saturating_sub(kept);
    let below = (all / 100 * GIVE_UP_AT).saturating_sub(others);
    let room = below.max(disk.free.saturating_add(kept) / 2);
    // What is written until the next checkpoint comes on top, and a file is made before the one before is full.
    let slot = whole(room.saturating_sub(wal).saturating_sub(SEGMENT));
    Bounds {
        slot: slot.clamp(LEAST_WAL, configured.max(LEAST_WAL)),
        wal,
        reused: wal.min(MIN_WAL),
    }
}

/// Is it worth telling PostgreSQL? Lower always is, a little higher is not.
pub fn is_news(before: Option<Bounds>, now: Bounds) -> bool {
    before.is_none_or(|before| {
        now.slot < before.slot
            || now.slot / 10 > before.slot / 9
            || (now.wal, now.reused) != (before.wal, before.reused)
    })
}

fn whole(bytes: u64) -> u64 {
    bytes / SEGMENT * SEGMENT
}

/// A slot that could be given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Is somebody reading from it?
    pub active: bool,
    /// Bytes of WAL that it keeps.
    pub kept: u64,
}

/// The slot to give up on a disk that is that full: the one that keeps most, first of those that nobody reads from.
/// Nothing while the disk has room, or when no slot keeps so much that it would help.
pub fn worst(disk: Disk, slots: &[Held]) -> Option<&Held> {
    if disk.percent() < GIVE_UP_AT {
        return None;
    }
    let helps = (disk.used.saturating_add(disk.free) / 50).max(LEAST_WAL);
    let held = slots.iter().filter(|slot| slot.kept >= helps);
    held.max_by_key(|slot| (!slot.active, slot.kept))
}

/// Bytes that are left for PostgreSQL itself: with less the node takes no writes.
pub fn reserve(disk: Disk) -> u64 {
    (disk.used.saturating_add(disk.free) / 50).clamp(2 * SEGMENT, 1 << 30)
}

/// Is the disk full? Once it was, only when there is clearly room again: `held` bytes were set free by this node itself.
pub fn is_full(disk: Disk, was_full: bool, held: u64) -> bool {
    let reserve = reserve(disk);
    if was_full {
        disk.free < reserve.saturating_add(reserve / 2).saturating_add(held)
    } else {
        disk.free < reserve
    }
}

/// May a file of this size be written beside the data? Not when slots had to be given up for it.
pub fn has_room_for(disk: Disk, bytes: u64) -> bool {
    let after = Disk {
        used: disk.used.saturating_add(bytes),
        free: disk.free.saturating_sub(bytes),
    };
    bytes <= disk.free && after.percent() < GIVE_UP_AT
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;
    const GB: u64 = 1 << 30;

    fn disk(used: u64, all: u64) -> Disk {
        Disk { used, free: all - used }
    }

    #[test]
    fn on_a_large_disk_the_configured_limit_counts() {
        let bounds = bounds(disk(10 * GB, 100 * GB), 0, 4 * GB);
        assert_eq!(
            bounds,
            Bounds {
                slot: 4 * GB,
                wal: GB,
                reused: 80 * MB
            }
        );
    }

    #[test]
    fn on_a_small_disk_all_together_stay_below_the_limit() {
        for all in [256 * MB, 400 * MB, 2 * GB, 8 * GB] {
            let others = all / 4;
            let bounds = bounds(disk(others, all), 0, 4 * GB);
            let most = others + bounds.slot + bounds.wal + SEGMENT;
            assert!(most <= all / 100 * GIVE_UP_AT, "{most} of {all}: {bounds:?}");
            assert!(bounds.wal >= LEAST_WAL && bounds.slot >= LEAST_WAL);
        }
    }

    #[test]
    fn on_a_large_disk_that_others_have_nearly_filled_a_member_still_has_time() {
        let bounds = bounds(disk(270 * GB, 300 * GB), 0, 4 * GB);
        assert_eq!(bounds.slot, 4 * GB);
    }

    #[test]
    fn what_is_kept_by_now_does_not_change_what_may_be() {
        let all = 2 * GB;
        let empty = bounds(disk(300 * MB, all), 0, 4 * GB);
        let filled = bounds(disk(800 * MB, all), 500 * MB, 4 * GB);
        assert_eq!(empty, filled);
        // Something else has taken the room.
        assert!(bounds(disk(800 * MB, all), 0, 4 * GB).slot < empty.slot);
        assert_eq!(bounds(disk(all, all), 0, 4 * GB).slot, LEAST_WAL);
    }

    #[test]
    fn postgresql_is_told_of_less_at_once_and_of_more_when_it_is_more() {
        let of = |slot| Bounds {
            slot,
            wal: GB,
            reused: 80 * MB,
        };
        assert!(is_news(None, of(GB)));
        assert!(is_news(Some(of(GB)), of(GB - SEGMENT)));
        assert!(!is_news(Some(of(GB)), of(GB + SEGMENT)));
        assert!(is_news(Some(of(GB)), of(2 * GB)));
    }

    #[test]
    fn the_slot_that_keeps_most_and_nobody_reads_is_given_up_when_the_disk_fills() {
        let held = |name: &str, active, kept| Held {
            name: name.to_owned(),
            active,
            kept,
        };
        let slots = [
            held("read", true, 300 * MB),
            held("small", false, 90 * MB),
            held("dead", false, 200 * MB),
        ];
        assert_eq!(worst(disk(84 * GB, 100 * GB), &slots), None);
        assert_eq!(worst(disk(850 * MB, 1000 * MB), &slots).unwrap().name, "dead");
        assert_eq!(worst(disk(850 * MB, 1000 * MB), &slots[..1]).unwrap().name, "read");
        // Something else fills the disk: giving up a slot would not help.
        assert_eq!(worst(disk(90 * GB, 100 * GB), &slots), None);
    }

    #[test]
    fn a_disk_is_full_before_postgresql_finds_out_and_until_there_is_clearly_room() {
        assert!(!is_full(disk(968 * MB, 1000 * MB), false, 0));
        assert!(is_full(disk(969 * MB, 1000 * MB), false, 0));
        assert!(is_full(disk(953 * MB, 1000 * MB), true, 0));
        assert!(!is_full(disk(952 * MB, 1000 * MB), true, 0));
        assert!(is_full(disk(952 * MB, 1000 * MB), true, 32 * MB));
    }

    #[test]
    fn a_file_has_room_as_long_as_no_slot_must_go_for_it() {
        assert!(has_room_for(disk(50 * GB, 100 * GB), 34 * GB));
        assert!(!has_room_for(disk(50 * GB, 100 * GB), 35 * GB));
        assert!(!has_room_for(disk(0, GB), 2 * GB));
    }
}
