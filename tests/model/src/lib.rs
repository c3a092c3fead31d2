//! A model of the freshness chain and the PIN counters (`splitkey.md` §4.2–4.4): a phone that crashes at any moment, a
//! copy of it, the server, and a network that loses, duplicates, delays and reorders. [`explore`] visits every state
//! within given [`Bounds`].
//!
//! * The *network* never forgets: whatever was sent may arrive at any later time, any number of times, or never. That
//!   contains loss, delay, reordering and duplication, without a bound on packets in flight. A submission still arrives
//!   however late; the 60 s for which a signed request is good only take behaviours away.
//! * The *server* keeps nothing between its database transactions, so a crash of it is the same as a handler that goes
//!   no further. Charging (transaction 1) and evaluating (transaction 2) are steps of their own; the latter is done by
//!   a repetition of the submission, by a sync, or by the job.
//! * A *phone* may lose its memory in every state, also between storing a submission and sending it.
//! * *Tokens* are names: T_{i+1} is named by the transaction whose r went into it. Two copies have copied random
//!   generators, so that only r tells their tokens apart.
//! * Every signature has a session of its own that ends with its transaction.
//!
//! What it leaves out: budgets per minute, the count of superseded transactions, faults of the vault after a right
//! PIN, and two persons' accounts (nothing is shared between accounts). The conformance test in `tests/tests/model/`
//! walks the model and the real crates side by side.

mod rules;
mod search;
mod state;

pub use rules::{Action, Bounds, Copies, Model, Outcome, Rules, Said, Step, Violation};
pub use search::{Report, explore};
pub use state::{
    Account, Key, MAX, Operation, Phone, Server, Stage, State, Submission, Token, Transaction, Tx,
    Verdict, Waiting,
};
