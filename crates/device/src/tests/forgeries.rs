//! A malicious server's half, one field at a time, and answers that whoever ends the TLS makes up: the phone gives
//! no signature for them and loses nothing that it needs.

mod enrolment;
mod transactions;

use super::{server::AnswerTwist, world::World};
use crate::{Contradiction, Problem, View};

/// Answers that are not sealed for this request.
fn unopened() -> [(&'static str, AnswerTwist); 6] {
    [
        ("not sealed", |_, _| {
            (
                200,
                br#"{"status":"signed","seq":1,"signature":"AA=="}"#.to_vec(),
            )
        }),
        ("empty", |_, _| (200, Vec::new())),
        ("another bit", |(status, mut body), _| {
            *body.last_mut().unwrap() ^= 1;
            (status, body)
        }),
        ("another nonce", |(status, mut body), _| {
            body[0] ^= 1;
            (status, body)
        }),
        ("cut off", |(status, mut body), _| {
            body.pop();
            (status, body)
        }),
        ("the answer to another request", |(status, _), earlier| {
            (status, earlier.to_vec())
        }),
    ]
}

fn contradiction(world: &World) -> Option<&Contradiction> {
    match world.view() {
        View::Problem(Problem::Contradiction(contradiction)) => Some(contradiction),
        _ => None,
    }
}

fn shorten(bytes: &mut Vec<u8>) {
    bytes.pop();
}
