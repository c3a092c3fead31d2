//! The fuzz targets on honest input, on everything that was ever found, and on a few changes of each, without a fuzzer.

use std::{fs, panic, path::Path};

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own when it is fuzzed")]
mod fuzz;

/// Changes of each honest input.
const CHANGES: usize = 6;

#[test]
fn honest_input_past_findings_and_a_few_changes_hold() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions");
    for target in fuzz::TARGETS {
        let mut inputs = (target.seeds)();
        assert!(!inputs.is_empty(), "{} has seeds", target.name);
        for seed in inputs.clone() {
            inputs.extend((0..CHANGES).map(|number| changed(&seed, number)));
        }
        if let Ok(found) = fs::read_dir(regressions.join(target.name)) {
            inputs.extend(found.map(|file| fs::read(file.unwrap().path()).unwrap()));
        }
        for input in inputs {
            let outcome = panic::catch_unwind(|| (target.run)(&input));
            assert!(outcome.is_ok(), "{}: {}", target.name, text(&input));
        }
    }
    assert!(
        fuzz::signatures_checked() > 0,
        "no hostile server got a signature"
    );
}

#[test]
fn regressions_belong_to_targets() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions");
    for entry in fs::read_dir(regressions).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            !entry.path().is_dir() || fuzz::target(&name).is_some(),
            "{name}"
        );
    }
}

/// One byte flipped, removed or added, spread over the input.
fn changed(input: &[u8], number: usize) -> Vec<u8> {
    let mut input = input.to_vec();
    if input.is_empty() {
        return vec![0];
    }
    let at = number * input.len() / CHANGES;
    match number % 3 {
        0 => input[at] ^= 1 << (number % 8),
        1 => drop(input.remove(at)),
        _ => input.insert(at, b'"'),
    }
    input
}

fn text(input: &[u8]) -> String {
    input.escape_ascii().to_string()
}
