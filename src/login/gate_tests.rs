//! What the gate promises, seen as a simulation: checks take their time, attempts come whenever they like.

use super::*;

/// What one check takes here, in microseconds.
const CHECK: i64 = 20_000;

struct Simulation {
    gate: Gate,
    now: Micros,
}

fn attempt(account: &str, source: [u8; 4]) -> Attempt {
    Attempt {
        account: AccountName::of(account),
        source: Source::of(source.into()),
    }
}

/// An attacker's address.
fn other(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [198, 18, high, low]
}

const HOME: [u8; 4] = [10, 0, 0, 1];

impl Simulation {
    fn new() -> Self {
        Self {
            gate: Gate::new(KnownSources::default()),
            now: Micros(1_800_000_000_000_000),
        }
    }

    /// One where the administrator has logged in from home before.
    fn with_known_home() -> Self {
        let mut simulation = Self::new();
        simulation.alone(attempt("admin", HOME), Outcome::Right);
        simulation
    }

    /// An attempt that meets nobody.
    fn alone(&mut self, attempt: Attempt, outcome: Outcome) {
        let Arrival::Turn(ticket) = self.gate.arrive(attempt, self.now) else {
            panic!("somebody is in the way");
        };
        self.now.0 += CHECK;
        self.gate.end(ticket, Some(outcome), self.now);
    }

    fn arrive(&mut self, attempt: Attempt) -> Arrival {
        self.gate.arrive(attempt, self.now)
    }

    /// Ends checks, all wrong, until it is this one's turn. How many were checked before it; `None` when it was put off.
    fn turns_until(&mut self, wanted: Ticket) -> Option<usize> {
        for checks in 0..10_000 {
            let turn = self.gate.turn.expect("somebody's turn");
            if turn == wanted {
                return Some(checks);
            }
            self.now.0 += CHECK;
            let next = self.gate.end(turn, Some(Outcome::Wrong), self.now);
            if next.put_off.iter().any(|(ticket, _)| *ticket == wanted) {
                return None;
            }
        }
        panic!("its turn never came");
    }

    fn waits(&mut self, attempt: Attempt) -> Ticket {
        match self.arrive(attempt) {
            Arrival::Turn(ticket) | Arrival::Waits(ticket, _) => ticket,
            refused @ Arrival::Refused(_) => panic!("{refused:?}"),
        }
    }
}

#[test]
fn one_source_with_thousands_of_wrong_passwords_delays_nobody_and_costs_itself_a_pause() {
    let mut simulation = Simulation::new();
    for _ in 0..2600 {
        simulation.arrive(attempt("admin", other(1)));
    }
    let stranger = simulation.waits(attempt("admin", HOME));
    assert_eq!(
        simulation.turns_until(stranger),
        Some(2),
        "the one that runs and one more"
    );
    let refused = simulation.arrive(attempt("admin", other(1)));
    assert!(matches!(refused, Arrival::Waits(..) | Arrival::Refused(_)));
}

#[test]
fn thousands_of_sources_delay_a_known_one_by_a_turn_or_two_and_never_put_it_off() {
    let mut simulation = Simulation::with_known_home();
    for number in 0..2600 {
        simulation.arrive(attempt("admin", other(number)));
    }
    for _ in 0..5 {
        let known = simulation.waits(attempt("admin", HOME));
        let turns = simulation.turns_until(known).expect("it is never put off");
        assert!(turns <= 2, "{turns}");
        let turn = simulation.gate.turn.unwrap();
        simulation.gate.end(turn, Some(Outcome::Right), simulation.now);
    }
}

#[test]
fn wrong_passwords_from_elsewhere_never_lock_an_account_out_of_its_known_source() {
    let mut simulation = Simulation::with_known_home();
    for number in 0..500 {
        if let Arrival::Turn(ticket) = simulation.arrive(attempt("admin", other(number))) {
            simulation.gate.end(ticket, Some(Outcome::Wrong), simulation.now);
        }
    }
    // For strangers the account pauses.
    let stranger = simulation.arrive(attempt("admin", other(9999)));
    assert!(
        matches!(stranger, Arrival::Refused(PutOff { why: Why::Account, .. })),
        "{stranger:?}"
    );
    simulation.alone(attempt("admin", HOME), Outcome::Right);
}

#[test]
fn wrong_passwords_from_the_known_source_for_other_accounts_do_not_lock_it_out_either() {
    let mut simulation = Simulation::with_known_home();
    for number in 0..500 {
        if let Arrival::Turn(ticket) = simulation.arrive(attempt(&format!("x{number}"), HOME)) {
            simulation.gate.end(ticket, Some(Outcome::Wrong), simulation.now);
        }
    }
    let guess = simulation.arrive(attempt("other", HOME));
    assert!(
        matches!(guess, Arrival::Refused(PutOff { why: Why::Source, .. })),
        "{guess:?}"
    );
    simulation.alone(attempt("admin", HOME), Outcome::Right);
}

#[test]
fn at_a_known_source_the_same_account_pauses_after_its_own_wrong_passwords_and_is_forgiven_by_a_right_one() {
    let mut simulation = Simulation::with_known_home();
    for _ in 0..21 {
        simulation.alone(attempt("admin", HOME), Outcome::Wrong);
    }
    let Arrival::Refused(put_off) = simulation.arrive(attempt("admin", HOME)) else {
        panic!("no pause");
    };
    assert_eq!(put_off.why, Why::Pair);
    assert!(put_off.wait <= Duration::from_secs(1));
    simulation.now.0 += 1_000_000;
    simulation.alone(attempt("admin", HOME), Outcome::Right);
    for _ in 0..20 {
        simulation.alone(attempt("admin", HOME), Outcome::Wrong);
    }
    simulation.alone(attempt("admin", HOME), Outcome::Right);
}

#[test]
fn a_right_log_in_does_not_forgive_its_source_what_it_tried_with_other_accounts() {
    let mut simulation = Simulation::new();
    simulation.alone(attempt("mine", HOME), Outcome::Right);
    for _ in 0..21 {
        simulation.alone(attempt("admin", HOME), Outcome::Wrong);
        simulation.alone(attempt("mine", HOME), Outcome::Right);
    }
    let guess = simulation.arrive(attempt("admin", HOME));
    assert!(
        matches!(guess, Arrival::Refused(PutOff { why: Why::Source, .. })),
        "{guess:?}"
    );
}

#[test]
fn those_that_wait_when_a_budget_is_spent_are_put_off_unchecked() {
    let mut simulation = Simulation::new();
    let tickets: Vec<Ticket> = (0..60).map(|_| simulation.waits(attempt("x", other(1)))).collect();
    let mut put_off = 0;
    for _ in 0..21 {
        let turn = simulation.gate.turn.unwrap();
        put_off += simulation
            .gate
            .end(turn, Some(Outcome::Wrong), simulation.now)
            .put_off
            .len();
    }
    assert_eq!((put_off, simulation.gate.turn), (tickets.len() - 21, None));
    assert!(simulation.gate.present.is_empty());
    let (failures, worst) = simulation.gate.failures(simulation.now);
    assert_eq!((failures.wrong, failures.put_off), (21, 39));
    assert_eq!(worst, Some(Source::of(other(1).into())));
    simulation.now.0 += 300_000_000;
    assert_eq!(simulation.gate.failures(simulation.now), (Failures::default(), None));
}

#[test]
fn whoever_goes_away_is_charged_nothing_and_the_next_one_has_the_turn() {
    let mut simulation = Simulation::new();
    let (first, second) = (
        simulation.waits(attempt("a", HOME)),
        simulation.waits(attempt("b", HOME)),
    );
    let third = simulation.waits(attempt("c", HOME));
    assert_eq!(simulation.gate.end(second, None, simulation.now), Next::default());
    assert_eq!(simulation.gate.end(first, None, simulation.now).turn, Some(third));
    assert_eq!(
        simulation.gate.end(first, Some(Outcome::Wrong), simulation.now),
        Next::default()
    );
    assert_eq!(simulation.gate.failures(simulation.now).0, Failures::default());
}

#[test]
fn so_many_wait_and_no_more_whatever_comes() {
    let mut simulation = Simulation::new();
    for number in 0..20_000 {
        simulation.arrive(attempt(&format!("x{number}"), other(number)));
    }
    assert_eq!(
        simulation.gate.present.len(),
        257,
        "one whose turn it is, and those that wait"
    );
}
