//! The arrows of `docs/architecture.md`: a crate uses only what is listed, and pure crates stay pure.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::{collections::BTreeSet, process::Command};

/// Who may use whom among our own crates.
const ARROWS: &[(&str, &[&str])] = &[
    ("modexp", &[]),
    ("keyscan", &[]),
    ("wire", &[]),
    ("pki", &[]),
    ("splitkey", &["modexp"]),
    ("device", &["splitkey", "wire"]),
    ("engine", &["splitkey", "pki", "wire"]),
    ("store", &["engine", "wire"]),
    ("vault", &["engine", "splitkey", "pki", "wire"]),
    ("web", &["engine", "wire"]),
    (
        "server",
        &[
            "web", "store", "vault", "engine", "keyscan", "device", "pki", "wire",
        ],
    ),
    ("model", &[]),
    (
        "tests",
        &[
            "device", "engine", "pki", "splitkey", "store", "vault", "web", "wire",
        ],
    ),
];

/// Crates that do no I/O, not even through what they use.
const PURE: &[&str] = &[
    "modexp", "keyscan", "splitkey", "wire", "pki", "device", "engine",
];

/// What brings sockets, files, threads, a clock or randomness of its own.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "cryptoki",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tokio",
    "ureq",
];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().expect("cargo metadata")
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let metadata = metadata();
    let members: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    for package in metadata.workspace_packages() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
            .unwrap_or_else(|| panic!("{} has no place in the architecture", package.name));
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Normal && members.contains(&dependency.name) {
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "{} must not use {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn pure_crates_reach_nothing_impure() {
    for pure in PURE {
        for (name, line) in reached_by(pure) {
            assert!(!IMPURE.contains(&name.as_str()), "{pure} reaches {line}");
        }
    }
}

/// What a crate is built with when it is built alone, so that no other crate's features count.
fn reached_by(package: &str) -> Vec<(String, String)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .output()
        .expect("cargo tree runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let reached: Vec<_> = text
        .lines()
        .filter_map(|line| Some((line.split_whitespace().next()?.to_owned(), line.to_owned())))
        .collect();
    assert!(
        reached.iter().any(|(name, _)| name == package),
        "the tree begins with {package}"
    );
    reached
}
