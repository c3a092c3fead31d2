//! The arrows of `docs/architecture.md`: a crate uses only what is listed, and pure crates stay pure.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// Who may use whom among our own crates.
const ARROWS: &[(&str, &[&str])] = &[
    ("modexp", &[]),
    ("wire", &[]),
    ("pki", &[]),
    ("splitkey", &["modexp"]),
    ("device", &["splitkey", "wire"]),
    ("engine", &["splitkey", "pki", "wire"]),
    ("store", &["engine", "wire"]),
    ("vault", &["engine", "splitkey", "pki"]),
    ("web", &["engine", "wire"]),
    ("server", &["web", "store", "vault", "engine", "device", "pki", "wire"]),
    ("tests", &[]),
];

/// Crates that do no I/O, not even through what they use.
const PURE: &[&str] = &["modexp", "splitkey", "wire", "pki", "device", "engine"];

/// What brings sockets, files, threads, a clock or randomness of its own.
const IMPURE: &[&str] = &[
    "async-std", "axum", "cryptoki", "getrandom", "hyper", "mio", "rand", "reqwest", "rusqlite", "rustix", "socket2",
    "sqlx", "sqlx-core", "tokio", "ureq",
];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().expect("cargo metadata")
}

/// Normal dependencies (also of our build scripts' targets) that are really built for this platform.
fn normal_dependencies(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let resolve = metadata.resolve.as_ref().expect("resolved");
    resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        })
        .collect()
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let metadata = metadata();
    let members: BTreeSet<_> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
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
    let metadata = metadata();
    let edges = normal_dependencies(&metadata);
    let name = |id: &PackageId| metadata[id].name.to_string();
    for pure in PURE {
        let root = metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == *pure);
        let root = &root.unwrap_or_else(|| panic!("{pure} is a crate")).id;
        let mut seen = BTreeSet::from([root]);
        let mut queue = vec![root];
        while let Some(id) = queue.pop() {
            for next in edges.get(id).into_iter().flatten() {
                assert!(!IMPURE.contains(&name(next).as_str()), "{pure} reaches {} by {}", name(next), name(id));
                if seen.insert(next) {
                    queue.push(next);
                }
            }
        }
    }
}
