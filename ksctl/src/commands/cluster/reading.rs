//! What a waiting `ksctl` makes of the status of a joining node.
//!
//! Pure. The codes are those of [`keystead::member::status`]; how long a bad one is borne is [`super::patience`].

/// What a status code means to someone who waits for a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The join is done.
    Ready,
    /// It goes on.
    Joining,
    /// It ended badly.
    Failed,
    /// Bad if it stays so: `down` is seen for a moment when a join starts, `none` before it does.
    Unclear,
}

/// Reads a status code.
pub(crate) fn read(code: &str) -> Reading {
    match code {
        "r" => Reading::Ready,
        "creating" | "b" | "i" | "c" | "o" => Reading::Joining,
        "k" | "m" | "v" => Reading::Failed,
        _ => Reading::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use keystead::join::stage::Stage;
    use keystead::member::status::NodeStatus;

    use super::*;

    #[test]
    fn every_status_a_node_can_have_is_read_as_it_is_meant() {
        let down = || "why".to_owned();
        let meant = [
            (NodeStatus::Ready, Reading::Ready),
            (NodeStatus::Joining(Stage::Creating), Reading::Joining),
            (NodeStatus::Waiting(down()), Reading::Joining),
            (NodeStatus::Joining(Stage::Bootstrapping), Reading::Joining),
            (NodeStatus::Joining(Stage::InitialSync), Reading::Joining),
            (NodeStatus::Joining(Stage::CatchingUp), Reading::Joining),
            (NodeStatus::Joining(Stage::Completing), Reading::Joining),
            (NodeStatus::Killed(down()), Reading::Failed),
            (NodeStatus::Removing, Reading::Failed),
            (NodeStatus::Removed, Reading::Failed),
            (NodeStatus::fenced(false), Reading::Unclear),
            (NodeStatus::NotClustered, Reading::Unclear),
            (NodeStatus::Down(down()), Reading::Unclear),
        ];
        for (status, reading) in meant {
            assert_eq!(read(status.code()), reading, "for {status:?}");
        }
    }
}
