//! Three verification codes, one of them right (R62, R63, R66).

use crate::Keystore;
use wire::{SessionId, VerificationCode};

/// The right code among two wrong ones, in random order.
///
/// All randomness comes from the phone's own key and the session, so the same three stand in the same order after a
/// restart without being stored, and the server cannot foresee them.
pub(crate) fn three_codes(
    keystore: &dyn Keystore,
    session: SessionId,
    right: &VerificationCode,
) -> [VerificationCode; 3] {
    let mut draws = Draws {
        keystore,
        session,
        block: 0,
        bytes: Vec::new(),
    };
    let mut wrong = Vec::with_capacity(2);
    while wrong.len() < 2 {
        let code: VerificationCode = format!("{:04}", draws.below(10_000))
            .parse()
            .expect("four digits");
        if code != *right && !wrong.contains(&code) {
            wrong.push(code);
        }
    }
    let [first, second]: [VerificationCode; 2] = wrong.try_into().expect("the loop ends with two");
    let right = right.clone();
    // The wrong ones are exchangeable, so only the place of the right one matters.
    match draws.below(3) {
        0 => [right, first, second],
        1 => [first, right, second],
        _ => [first, second, right],
    }
}

/// Numbers from HMAC(K_hmac, label ‖ session ‖ counter).
struct Draws<'a> {
    keystore: &'a dyn Keystore,
    session: SessionId,
    block: u8,
    bytes: Vec<u8>,
}

impl Draws<'_> {
    /// Uniform in 0..`limit`.
    fn below(&mut self, limit: u16) -> u16 {
        let fair = u16::MAX - u16::MAX % limit;
        loop {
            let draw = u16::from_be_bytes([self.byte(), self.byte()]);
            if draw < fair {
                return draw % limit;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        if let Some(byte) = self.bytes.pop() {
            return byte;
        }
        let message = [
            b"device/three-codes/v1".as_slice(),
            self.session.0.as_bytes(),
            &[self.block],
        ]
        .concat();
        // A session would have to reject 4096 draws to come round.
        self.block = self.block.wrapping_add(1);
        self.bytes = self.keystore.hmac(&message).to_vec();
        self.bytes.pop().expect("32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SoftwareKeystore;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn session(number: u128) -> SessionId {
        SessionId(Uuid::from_u128(number))
    }

    #[test]
    fn the_same_session_gives_the_same_codes_in_the_same_order() {
        let right = "0042".parse().unwrap();
        let [here, again, elsewhere] = [1, 1, 2].map(|secret| {
            three_codes(
                &SoftwareKeystore::from_secret(&[secret; 32]),
                session(7),
                &right,
            )
        });
        assert_eq!(here, again);
        assert_ne!(here, elsewhere);
    }

    #[test]
    fn ten_thousand_choices_show_no_bias() {
        const RUNS: u32 = 10_000;
        let keystore = SoftwareKeystore::from_secret(&[9; 32]);
        let right: VerificationCode = "4711".parse().unwrap();
        let mut places = [0_u32; 3];
        let mut digits: BTreeMap<(usize, char), u32> = BTreeMap::new();
        for run in 0..RUNS {
            let codes = three_codes(&keystore, session(run.into()), &right);
            let place = codes
                .iter()
                .position(|code| *code == right)
                .expect("the right one is there");
            places[place] += 1;
            let wrong: Vec<_> = codes.iter().filter(|code| **code != right).collect();
            assert_eq!(wrong.len(), 2, "one right code only");
            assert_ne!(wrong[0], wrong[1]);
            for code in wrong {
                for (position, digit) in code.as_str().chars().enumerate() {
                    *digits.entry((position, digit)).or_default() += 1;
                }
            }
        }
        // Chi-square at p = 0.0001: 18.42 for two degrees of freedom, 33.72 for nine.
        let chi_square = |counts: &[u32], expected: f64| -> f64 {
            counts
                .iter()
                .map(|count| (f64::from(*count) - expected).powi(2) / expected)
                .sum()
        };
        let expected = f64::from(RUNS) / 3.0;
        assert!(chi_square(&places, expected) < 18.42, "{places:?}");
        for position in 0..4 {
            let counts: Vec<u32> = ('0'..='9')
                .map(|digit| digits.get(&(position, digit)).copied().unwrap_or_default())
                .collect();
            assert!(
                chi_square(&counts, f64::from(RUNS) * 2.0 / 10.0) < 33.72,
                "{position}: {counts:?}"
            );
        }
    }
}
