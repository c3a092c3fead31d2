//! What the vault costs a server at full key size: the two computations of a signature, and opening a sealed request.

use std::hint::black_box;

use divan::Bencher;
use engine::domain::Wrapped;
use engine::ports::{KeysError, NewServerHalf, ServerKeys};
use getrandom::SysRng;
use jiff::{SignedDuration, Timestamp};
use rand_core::UnwrapErr;
use splitkey::seal::{Kind, SealedRequest, SealingPublicKey};
use splitkey::{
    ClientHalf, ClientModulus, EncodedMessage, Hash, JointSalt, KeyId, Profile, Scheme,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vault::{Ceremony, SoftwareVault, UnlockKey};

const KEY: KeyId = KeyId([1; 16]);

struct Server {
    runtime: Runtime,
    vault: SoftwareVault,
    _directory: TempDir,
}

impl Server {
    fn new() -> Self {
        let (directory, mut rng) = (tempfile::tempdir().expect("a directory"), UnwrapErr(SysRng));
        let config = toml::from_str(include_str!("../ceremony.toml")).expect("the sample is valid");
        let ceremony = Ceremony::perform(&config, now(), &mut rng).expect("a ceremony");
        let path = directory.path().join("vault");
        let vault = SoftwareVault::create(&path, UnlockKey::generate(&mut rng), ceremony, &mut rng)
            .expect("a vault");
        let runtime = Runtime::new().expect("a runtime");
        runtime
            .block_on(vault.rotate_transport_keys(now()))
            .expect("a transport key");
        Self {
            runtime,
            vault,
            _directory: directory,
        }
    }

    fn half(&self) -> NewServerHalf {
        self.runtime
            .block_on(self.vault.generate_half(Profile::Rsa6144))
            .expect("a half")
    }

    fn share(&self) -> (ClientModulus, Wrapped) {
        let client = ClientHalf::generate(Profile::Rsa6144, &mut |_| (), &mut UnwrapErr(SysRng))
            .expect("a key");
        let share = self
            .runtime
            .block_on(self.vault.wrap_share(KEY, client.server_share))
            .expect("a blob");
        (client.n1, share)
    }

    fn sealed(&self) -> SealedRequest {
        let statement = self
            .runtime
            .block_on(self.vault.transport_key())
            .expect("a key");
        let key = SealingPublicKey::from_bytes(&statement.statement.public_key.0).expect("a point");
        SealedRequest::seal(Kind::Submit, &key, &[0; 700], &mut UnwrapErr(SysRng))
            .expect("sealed")
            .0
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_772_366_400).expect("in range")
}

fn message() -> EncodedMessage {
    let salt = JointSalt {
        r: [3; 32],
        c: [4; 32],
    };
    EncodedMessage::encode(Profile::Rsa6144, Scheme::Pss(Hash::Sha512), &[7; 64], &salt)
        .expect("it fits")
}

#[divan::bench]
fn apply_share(bencher: Bencher<'_, '_>) {
    let (server, message) = (Server::new(), message());
    let (n1, share) = server.share();
    let apply = || {
        server.runtime.block_on(
            server
                .vault
                .apply_share(KEY, black_box(&share), &n1, &message),
        )
    };
    bencher.bench_local(|| apply().is_ok());
}

#[divan::bench]
fn apply_half(bencher: Bencher<'_, '_>) {
    let (server, message) = (Server::new(), message());
    let half = server.half();
    let apply = || {
        server
            .runtime
            .block_on(server.vault.apply_half(black_box(&half.wrapped), &message))
    };
    bencher.bench_local(|| apply().is_ok());
}

#[divan::bench]
fn generate_half(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    bencher.bench_local(|| server.half());
}

/// Sealed to the newest of two keys.
#[divan::bench]
fn open_newest(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let tomorrow = now() + SignedDuration::from_hours(24);
    server
        .runtime
        .block_on(server.vault.rotate_transport_keys(tomorrow))
        .expect("rotated");
    open(bencher, &server, &server.sealed());
}

/// Sealed to the older of two keys.
#[divan::bench]
fn open_older(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let request = server.sealed();
    let tomorrow = now() + SignedDuration::from_hours(24);
    server
        .runtime
        .block_on(server.vault.rotate_transport_keys(tomorrow))
        .expect("rotated");
    open(bencher, &server, &request);
}

fn open(bencher: Bencher<'_, '_>, server: &Server, request: &SealedRequest) {
    let open = || {
        server.runtime.block_on(
            server
                .vault
                .open(Kind::Submit, black_box(request.as_bytes())),
        )
    };
    bencher.bench_local(|| !matches!(open(), Err(KeysError::CannotOpen)));
}

fn main() {
    divan::main();
}
