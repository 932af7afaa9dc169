//! When a join has waited long enough for members that say nothing.
//!
//! Decides by what was noted of each member and the time that the caller passes in; knows no clock and asks nobody. A try
//! that hangs is begun anew soon, so that another member can take the place of one that died; a join that cannot go on
//! without a member ends within about a minute instead of waiting for ever. Next: `appliance/src/join/watch.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Micros;
use crate::id::NodeNumber;

/// A member that has not answered for so long is stuck, and so is whoever waits for its answer.
pub const HANGS: Duration = Duration::from_secs(10);

/// A member without which a join cannot go on is waited for so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a stage needs of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// That its PostgreSQL answers, and soon.
    Answers,
    /// That its agent is at work too: new heartbeats, for which a try can wait without hanging.
    Heartbeats,
}

/// The members that a stage waits for.
pub type Needs = BTreeMap<NodeNumber, Need>;

/// What a member's silence means to a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// Its PostgreSQL has not answered for a while: what waits for it is to begin anew.
    Hangs(NodeNumber),
    /// What is needed of it has not come for too long: the join is over.
    Gone(NodeNumber, Need),
}

/// What was heard of members lately. Times are since whenever the caller began.
#[derive(Debug, Default)]
pub struct Silence {
    members: BTreeMap<NodeNumber, Heard>,
}

#[derive(Debug)]
struct Heard {
    answered: Duration,
    beaten: Duration,
    /// When it was last said that it hangs: what began anew then has its own time.
    hung: Duration,
    heartbeat: Option<Micros>,
}

impl Silence {
    /// A member is needed from now on; one that was before is not given more time.
    pub fn begin(&mut self, member: NodeNumber, now: Duration) {
        self.members.entry(member).or_insert(Heard {
            answered: now,
            beaten: now,
            hung: now,
            heartbeat: None,
        });
    }

    /// A member answered, and its newest heartbeat is this one.
    pub fn answered(&mut self, member: NodeNumber, heartbeat: Option<Micros>, now: Duration) {
        self.begin(member, now);
        if let Some(heard) = self.members.get_mut(&member) {
            heard.answered = now;
            if heard.heartbeat != heartbeat {
                (heard.heartbeat, heard.beaten) = (heartbeat, now);
            }
        }
    }

    /// A member that is not needed any more is given all its time when it is needed again.
    pub fn keep(&mut self, needs: &Needs) {
        self.members.retain(|member, _| needs.contains_key(member));
    }

    /// What the silence of the members that are needed means now, if anything. The worst comes first.
    pub fn judge(&mut self, needs: &Needs, now: Duration) -> Option<Silent> {
        let silent = needs.iter().filter_map(|(member, need)| {
            let heard = self.members.get(member)?;
            if now.saturating_sub(heard.answered) >= PATIENCE {
                return Some(Silent::Gone(*member, Need::Answers));
            }
            let gone = match need {
                Need::Heartbeats => now.saturating_sub(heard.beaten) >= PATIENCE,
                Need::Answers => false,
            };
            let hangs = *need == Need::Answers && now.saturating_sub(heard.answered.max(heard.hung)) >= HANGS;
            gone.then_some(Silent::Gone(*member, Need::Heartbeats))
                .or_else(|| hangs.then_some(Silent::Hangs(*member)))
        });
        let worst = silent.max_by_key(|silent| matches!(silent, Silent::Gone(..)))?;
        if let Silent::Hangs(member) = worst
            && let Some(heard) = self.members.get_mut(&member)
        {
            heard.hung = now;
        }
        Some(worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: NodeNumber = NodeNumber(1);
    const OTHER: NodeNumber = NodeNumber(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn needs(need: Need) -> Needs {
        Needs::from([(MEMBER, need), (OTHER, need)])
    }

    #[test]
    fn one_that_answers_is_never_lost() {
        let mut silence = Silence::default();
        for second in 0..300 {
            silence.answered(MEMBER, Some(Micros(7)), seconds(second));
            silence.answered(OTHER, None, seconds(second));
            assert_eq!(silence.judge(&needs(Need::Answers), seconds(second)), None);
        }
    }

    #[test]
    fn one_that_does_not_answer_hangs_and_then_is_gone() {
        let mut silence = Silence::default();
        silence.answered(MEMBER, None, seconds(5));
        silence.answered(OTHER, None, seconds(5));
        silence.answered(OTHER, None, seconds(60));
        let mut judge = |now| silence.judge(&needs(Need::Answers), seconds(now));
        assert_eq!(judge(14), None);
        assert_eq!(judge(15), Some(Silent::Hangs(MEMBER)));
        assert_eq!(judge(24), None, "what began anew has its own time");
        assert_eq!(judge(64), Some(Silent::Hangs(MEMBER)));
        assert_eq!(judge(65), Some(Silent::Gone(MEMBER, Need::Answers)));
    }

    #[test]
    fn an_agent_that_stands_still_is_noticed_where_its_heartbeats_are_needed() {
        let mut silence = Silence::default();
        for second in 0..=60 {
            silence.answered(MEMBER, Some(Micros(1)), seconds(second));
        }
        let now = seconds(60);
        assert_eq!(silence.judge(&needs(Need::Answers), now), None);
        let gone = Some(Silent::Gone(MEMBER, Need::Heartbeats));
        assert_eq!(silence.judge(&needs(Need::Heartbeats), now), gone);
        silence.answered(MEMBER, Some(Micros(2)), now);
        assert_eq!(silence.judge(&needs(Need::Heartbeats), now), None);
    }

    #[test]
    fn one_that_is_gone_weighs_more_than_one_that_hangs() {
        let mut silence = Silence::default();
        silence.begin(MEMBER, seconds(0));
        silence.begin(OTHER, seconds(45));
        let judged = silence.judge(&needs(Need::Answers), seconds(60));
        assert_eq!(judged, Some(Silent::Gone(MEMBER, Need::Answers)));
    }

    #[test]
    fn one_that_was_not_needed_for_a_while_begins_anew() {
        let mut silence = Silence::default();
        silence.begin(MEMBER, seconds(0));
        silence.keep(&Needs::new());
        silence.begin(MEMBER, seconds(100));
        assert_eq!(silence.judge(&needs(Need::Answers), seconds(101)), None);
    }
}
