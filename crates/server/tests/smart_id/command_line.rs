//! The command line is a contract (docs/architecture.md).

use crate::process::{run, stderr, stdout};
use std::{fs, path::Path};

#[test]
fn every_command_explains_itself() {
    let commands: &[&[&str]] = &[
        &[],
        &["demo"],
        &["tour"],
        &["device"],
        &["serve"],
        &["rp"],
        &["rp", "add"],
        &["rp", "list"],
        &["rp", "usage"],
        &["rp", "disable"],
        &["rp", "enable"],
        &["account"],
        &["account", "vouch"],
        &["account", "list"],
        &["account", "close"],
        &["certificate"],
        &["certificate", "revoke"],
        &["ceremony"],
        &["migrate"],
        &["check"],
        &["openapi"],
    ];
    for command in commands {
        let output = run(&[command, &["--help"][..]].concat());
        assert!(output.status.success(), "{command:?}");
        assert!(stdout(&output).contains("Usage: smart-id"), "{command:?}");
    }
    for command in commands.iter().filter(|command| command.len() == 1) {
        let help = stdout(&run(&[command, &["--help"][..]].concat()));
        let example = ["Example", "docs/config", "openssl"]
            .iter()
            .any(|word| help.contains(word));
        assert!(example, "{command:?} has no example");
    }
}

#[test]
fn what_belongs_to_a_demo_or_a_deployment_says_which() {
    for command in [&["rp", "list"][..], &["migrate"], &["check", "all"]] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(
            stderr(&output).contains("--config <FILE>|--data <DIR>"),
            "{command:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn an_unknown_key_is_refused_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.toml");
    let sample = include_str!("../../../../docs/config/serve.toml");
    fs::write(&path, sample.replace("readers = 8", "raeders = 8")).unwrap();
    let line = sample
        .lines()
        .position(|line| line == "readers = 8")
        .unwrap()
        + 1;
    let path = path.to_str().unwrap();
    for command in [
        &["serve"][..],
        &["check", "all"],
        &["rp", "list"],
        &["migrate"],
    ] {
        let output = run(&[command, &["--config", path]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let text = stdout(&output) + &stderr(&output);
        assert!(
            text.contains(&format!("{path}:{line}: database.raeders: unknown field")),
            "{command:?}: {text}"
        );
    }
}

/// The way of an operator from the samples to a server that could start.
#[test]
fn the_samples_lead_to_a_deployment_that_checks_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(
        at("ceremony.toml"),
        include_str!("../../../../docs/config/ceremony.toml"),
    )
    .unwrap();
    fs::write(
        at("serve.toml"),
        include_str!("../../../../docs/config/serve.toml"),
    )
    .unwrap();
    let config = at("serve.toml");

    let checked = run(&["check", "all", "--config", &config]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        stdout(&checked).contains("openssl rand") || stdout(&checked).contains("cannot read"),
        "{}",
        stdout(&checked)
    );

    let dry = run(&["ceremony", "--config", &at("ceremony.toml"), "--dry-run"]);
    assert!(dry.status.success(), "{}", stderr(&dry));
    assert!(
        stdout(&dry).contains("Example Identity ROOT 2026") && stdout(&dry).contains("dry run"),
        "{}",
        stdout(&dry)
    );
    assert!(!Path::new(&at("vault")).exists());
    assert!(
        run(&["ceremony", "--config", &at("ceremony.toml")])
            .status
            .success()
    );
    assert!(
        !run(&["ceremony", "--config", &at("ceremony.toml")])
            .status
            .success(),
        "never overwrites"
    );

    let outdated = run(&["check", "store", "--config", &config]);
    assert!(
        stdout(&outdated).contains("column key 1"),
        "{}",
        stdout(&outdated)
    );
    fs::copy(at("vault.key"), at("column-1.key")).unwrap();
    let outdated = run(&["check", "store", "--config", &config]);
    assert!(
        stdout(&outdated).contains("smart-id migrate"),
        "{}",
        stdout(&outdated)
    );
    let migrated = run(&["migrate", "--config", &config]);
    assert!(
        stdout(&migrated).contains("schema version 0 → "),
        "{}",
        stdout(&migrated)
    );

    let checked = run(&["check", "all", "--config", &config]);
    assert_eq!(checked.status.code(), Some(0), "{}", stdout(&checked));

    fs::write(at("vault.key"), "00".repeat(32)).unwrap();
    let wrong = run(&["check", "vault", "--config", &config]);
    assert!(
        stdout(&wrong)
            .contains("the unlock key is not this vault's; mend: check vault.unlock_key_file"),
        "{}",
        stdout(&wrong)
    );
}

#[test]
fn a_log_filter_that_is_not_understood_is_refused() {
    let output = run(&[
        "--log",
        "loud=?",
        "check",
        "all",
        "--config",
        "nowhere.toml",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--log"), "{}", stderr(&output));
}
