//! Makes the published keys of the mock's documented accounts that have none yet:
//! `cargo run --release --example fixture_keys`, in the folder of the repository.

use anyhow::{Context, Result};
use base64ct::{Base64, Encoding};
use rand_core::UnwrapErr;
use server::mock::{documented, fixture_keys};
use sha2::{Digest, Sha256};
use splitkey::{Profile, PublishedPrimes};
use std::{fs, path::Path};

const KEYS: &str = "crates/server/src/mock/fixture_keys.txt";
const FINGERPRINTS: &str = "crates/engine/src/fixture_keys.txt";

fn main() -> Result<()> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let (mut keys, mut fingerprints) = (String::new(), Vec::new());
    for account in documented::accounts() {
        let pairs = match fixture_keys::of(&account.number) {
            Some(keys) => [keys.authentication, keys.signature],
            None => {
                let mut make = || PublishedPrimes::dangerous_generate(Profile::Rsa6144, &mut rng);
                [make()?, make()?]
            }
        };
        let primes: Vec<u8> = pairs
            .iter()
            .flat_map(|pair| [&pair.p[..], &pair.q[..]].concat())
            .collect();
        keys += &format!("{} {}\n", account.number, Base64::encode_string(&primes));
        fingerprints.extend(
            pairs
                .iter()
                .map(|pair| hex::encode(Sha256::digest(pair.modulus()))),
        );
    }
    fingerprints.sort();
    write(KEYS, &keys)?;
    write(FINGERPRINTS, &(fingerprints.join("\n") + "\n"))
}

fn write(path: &str, text: &str) -> Result<()> {
    fs::write(Path::new(path), text).with_context(|| format!("cannot write {path}"))
}
