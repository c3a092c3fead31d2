//! Breadth first, exact (states are compared, not their hashes), so that a counterexample is a shortest one.

use crate::{
    rules::{Action, Copies, Model, Said, Violation},
    state::{Account, MAX, Operation, State, Tx, Verdict, Waiting},
};
use std::{
    fmt,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

/// What a search found.
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Steps from the first state to the farthest one.
    pub depth: usize,
    /// The first thing that must not happen, with the way there.
    pub violation: Option<(Violation, Vec<Action>)>,
}

/// Visits every state that can be reached within the bounds, or stops at the first violation.
///
/// # Panics
/// There are more states than fit into 32 bits.
#[must_use]
pub fn explore(model: &Model) -> Report {
    assert!(
        usize::from(model.bounds.transactions) + 3 <= MAX,
        "a phone left alone needs room for three more transactions"
    );
    let mut seen = Seen::default();
    let mut ways: Vec<(u32, Action)> = vec![(0, Action::Copy)];
    seen.insert(State::default());
    let (mut steps, mut depth, mut level_end) = (0, 0, 1);
    let mut actions = Vec::new();
    let mut at = 0;
    while at < seen.states.len() {
        if at == level_end {
            depth += 1;
            level_end = seen.states.len();
        }
        let state = seen.states[at];
        let here = u32::try_from(at).expect("states fit into 32 bits");
        if model.bounds.copies == Copies::None
            && let Err((violation, rest)) = settle(model, &state)
        {
            let way = [way(&ways, at), rest].concat();
            return Report {
                states: seen.states.len(),
                steps,
                depth: way.len(),
                violation: Some((violation, way)),
            };
        }
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            let step = model.apply(&state, action);
            steps += 1;
            if let Some(violation) = step.violation {
                let mut way = way(&ways, at);
                way.push(action);
                return Report {
                    states: seen.states.len(),
                    steps,
                    depth: depth + 1,
                    violation: Some((violation, way)),
                };
            }
            if seen.insert(step.state) {
                ways.push((here, action));
            }
        }
        at += 1;
    }
    Report {
        states: seen.states.len(),
        steps,
        depth,
        violation: None,
    }
}

fn way(ways: &[(u32, Action)], mut at: usize) -> Vec<Action> {
    let mut way = Vec::new();
    while at != 0 {
        let (before, action) = ways[at];
        way.push(action);
        at = before as usize;
    }
    way.reverse();
    way
}

/// A phone that is left alone with a good network comes to a signature, with what it knows now.
///
/// # Errors
/// It does not, or something worse happens; and how.
fn settle(model: &Model, state: &State) -> Result<(), (Violation, Vec<Action>)> {
    let mut state = *state;
    let mut way = Vec::new();
    let signed = Said::Verdict(Verdict::Signed);
    let mut signing = false;
    // The longest way to a signature has about 20 steps.
    while way.len() < 40 {
        if state.server.account != Account::Open || state.phones[0].shut {
            return Ok(());
        }
        let action = if way.is_empty() && state.phones[0].waiting != Waiting::Nothing {
            Action::NoAnswer { who: 0 }
        } else {
            match what_helps(&state, signing) {
                Some(action) => action,
                None => break,
            }
        };
        match action {
            Action::Hear { said, .. } if signing && said == signed => return Ok(()),
            Action::Begin { .. } => signing = true,
            Action::ArriveBegin { .. } if usize::from(state.server.begun) == MAX => break,
            _ => {}
        }
        let step = model.apply(&state, action);
        state = step.state;
        way.push(action);
        if let Some(violation) = step.violation {
            return Err((violation, way));
        }
    }
    Err((Violation::Stuck, way))
}

/// The next step of a phone on the way to a signature, with a network that carries everything.
fn what_helps(state: &State, signing: bool) -> Option<Action> {
    let (who, phone) = (0, &state.phones[0]);
    if phone.offers != 0 {
        let tx = Tx::try_from(phone.offers.trailing_zeros()).ok()?;
        let crash = false;
        return Some(Action::HearOffer { who, tx, crash });
    }
    if let Some(said) = Said::ALL
        .into_iter()
        .find(|said| phone.said & said.bit() != 0)
    {
        return Some(Action::Hear { who, said });
    }
    Some(match (phone.waiting, phone.pending, phone.asked) {
        (Waiting::Begun(operation), ..) => Action::ArriveBegin {
            operation,
            waiter: Some(who),
        },
        (Waiting::Verdict, Some(tx), _) | (Waiting::Sync(tx), ..) => Action::Arrive { tx },
        (Waiting::Verdict, None, _) => return None,
        (Waiting::Nothing, Some(_), _) => Action::Settle { who },
        (Waiting::Nothing, None, Some(_)) if signing => Action::EnterPin {
            who,
            right: true,
            crash: false,
        },
        (Waiting::Nothing, None, _) if state.server.keys[0].locked => Action::Unlock { key: 0 },
        (Waiting::Nothing, None, _) => Action::Begin {
            who,
            operation: Operation::Sign(0),
        },
    })
}

/// A set that gives its members numbers; each is kept once.
#[derive(Default)]
struct Seen {
    states: Vec<State>,
    /// Open addressing: one more than a state's number, or 0.
    places: Vec<u32>,
}

impl Seen {
    /// Adds a state; says whether it is new.
    fn insert(&mut self, state: State) -> bool {
        if (self.states.len() + 1) * 2 > self.places.len() {
            self.grow();
        }
        let mask = self.places.len() - 1;
        let mut place = hash(&state) & mask;
        loop {
            match self.places[place] {
                0 => break,
                number if self.states[number as usize - 1] == state => return false,
                _ => place = (place + 1) & mask,
            }
        }
        self.states.push(state);
        self.places[place] = u32::try_from(self.states.len()).expect("states fit into 32 bits");
        true
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(1 << 16);
        self.places = vec![0; size];
        for (number, state) in (1..).zip(&self.states) {
            let mut place = hash(state) & (size - 1);
            while self.places[place] != 0 {
                place = (place + 1) & (size - 1);
            }
            self.places[place] = number;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "any bits of the hash will do"
)]
fn hash(state: &State) -> usize {
    BuildHasherDefault::<Fold>::default().hash_one(state) as usize
}

/// Multiply and fold: states are ours, nobody chooses collisions.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let mixed =
            u128::from(self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (mixed >> 64) as u64 ^ mixed as u64;
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states, {} steps, {} deep",
            self.states, self.steps, self.depth
        )?;
        if let Some((violation, way)) = &self.violation {
            write!(f, ", {violation:?} after")?;
            for action in way {
                write!(f, "\n  {action:?}")?;
            }
        }
        Ok(())
    }
}
