use super::*;
use engine::domain::{AccountId, KeyId};
use keyscan::Moduli;
use uuid::Uuid;
use wire::RegistrationId;

fn label(holder: KeyHolder, number: u8) -> Label {
    Label {
        source: Source::Key {
            holder,
            key: KeyId([number; 16]),
            purpose: Purpose::Signature,
        },
        is_n1: true,
    }
}

fn account(number: u8) -> Label {
    label(
        KeyHolder::Account(AccountId(Uuid::from_u128(number.into()))),
        number,
    )
}

fn registration(number: u8) -> Label {
    label(
        KeyHolder::Registration(RegistrationId(Uuid::from_u128(number.into()))),
        number,
    )
}

const POOL: Label = Label {
    source: Source::Pool,
    is_n1: false,
};

fn group(weakness: Weakness, members: &[(Label, bool)]) -> WeakGroup {
    WeakGroup {
        weakness,
        members: members
            .iter()
            .map(|(label, in_use)| Member {
                label: *label,
                holder: None,
                in_use: *in_use,
            })
            .collect(),
    }
}

#[test]
fn moduli_and_labels_come_back_from_the_file() {
    let mut spool = Spool::new().expect("a temporary file");
    let labels = [account(1), registration(2), POOL];
    for (number, label) in (1..).zip(labels) {
        spool
            .add(&vec![number; 64 * usize::from(number)], label)
            .expect("writes");
    }
    assert_eq!(spool.count(), 3);
    let moduli = spool.read(1..3).expect("reads");
    assert_eq!(moduli.len(), 2);
    assert!(moduli[0].ends_with(&[2; 128]) && moduli[0][..384 - 128].iter().all(|byte| *byte == 0));
    for (position, label) in labels.into_iter().enumerate() {
        assert_eq!(spool.label(position).expect("reads"), label);
    }
    spool.label(3).expect_err("there are three");
    spool.add(&[1; 385], POOL).expect_err("too long");
}

#[test]
fn an_alarm_needs_two_proven_keys_of_which_one_is_in_use() {
    let shared = Weakness::SharedFactor { bits: 1536 };
    for (members, alarm) in [
        (vec![(account(1), true), (account(2), true)], true),
        (vec![(account(1), true), (account(2), false)], true),
        (vec![(account(1), true), (POOL, true)], true),
        (vec![(account(1), false), (account(2), false)], false),
        (vec![(account(1), true), (registration(2), true)], false),
        (
            vec![(registration(1), true), (registration(2), true)],
            false,
        ),
        (
            vec![
                (account(1), true),
                (account(2), true),
                (registration(3), true),
            ],
            true,
        ),
    ] {
        let group = group(shared, &members);
        assert_eq!(group.is_alarm(), alarm, "{group}");
    }
    let small = Weakness::SmallFactor { prime: 3 };
    assert!(group(small, &[(account(1), true)]).is_alarm());
    assert!(!group(small, &[(account(1), false)]).is_alarm());
}
