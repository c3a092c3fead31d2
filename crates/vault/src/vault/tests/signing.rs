use engine::domain::Wrapped;
use engine::ports::{KeysError, NewServerHalf, ServerKeys};
use splitkey::{
    ClientHalf, ClientModulus, ClientShare, CompositeModulus, EncodedMessage, Hash, JointSalt,
    KeyId, ModulusError, Profile, Scheme, check_client_half, complete, partial_signature,
};

use crate::randomness::system_rng;
use crate::testkit::{SMALL, TestVault};

const KEY: KeyId = KeyId([1; 16]);
const OTHER_KEY: KeyId = KeyId([2; 16]);
const SCHEME: Scheme = Scheme::Pss(Hash::Sha256);
const DIGEST: [u8; 32] = [7; 32];

/// A key in its parts: the phone's share, and what the store keeps.
struct SplitKey {
    n1: ClientModulus,
    client_share: ClientShare,
    share: Wrapped,
    half: NewServerHalf,
}

impl SplitKey {
    async fn agree(keys: &TestVault, profile: Profile, id: KeyId) -> Self {
        let client = ClientHalf::generate(profile, &mut |_| (), &mut system_rng()).unwrap();
        let n1 = keys
            .vault
            .check_modulus(profile, client.n1.as_bytes().to_vec(), vec![])
            .await
            .unwrap()
            .unwrap();
        let share = keys
            .vault
            .wrap_share(id, client.server_share)
            .await
            .unwrap();
        let half = keys.vault.generate_half(profile).await.unwrap();
        Self {
            n1,
            client_share: client.client_share,
            share,
            half,
        }
    }

    /// Signs and verifies.
    async fn sign(&self, keys: &TestVault) -> Result<(), KeysError> {
        let em = message(self.n1.profile());
        let phone = partial_signature(&em, &self.client_share, &self.n1);
        let server = keys
            .vault
            .apply_share(KEY, &self.share, &self.n1, &em)
            .await?;
        let client_half = check_client_half(&em, &phone, &server, &self.n1).expect("the right PIN");
        let server_half = keys.vault.apply_half(&self.half.wrapped, &em).await?;
        let n = CompositeModulus::new(&self.n1, &self.half.modulus).unwrap();
        let signature =
            complete(client_half, &server_half, &n, &em).expect("both halves are right");
        n.public_key()
            .verify(SCHEME, &DIGEST, signature.as_bytes())
            .expect("the signature verifies");
        Ok(())
    }
}

fn message(profile: Profile) -> EncodedMessage {
    EncodedMessage::encode(
        profile,
        SCHEME,
        &DIGEST,
        &JointSalt {
            r: [3; 32],
            c: [4; 32],
        },
    )
    .unwrap()
}

/// `KeysError` holds no secret, a success may.
fn error<T>(result: Result<T, KeysError>) -> KeysError {
    match result {
        Ok(_) => panic!("must fail"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_full_size_signs() {
    let keys = TestVault::new();
    SplitKey::agree(&keys, Profile::Rsa6144, KEY)
        .await
        .sign(&keys)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_signs_before_and_after_a_restart_and_on_a_runtime_of_one_thread() {
    let keys = TestVault::new();
    let key = SplitKey::agree(&keys, SMALL, KEY).await;
    key.sign(&keys).await.unwrap();
    key.sign(&keys.reopened()).await.unwrap();
}

#[tokio::test]
async fn what_an_older_key_encryption_key_wrapped_still_opens() {
    let keys = TestVault::new();
    let old = SplitKey::agree(&keys, SMALL, KEY).await;
    keys.vault.renew_wrapping_key().await.unwrap();
    let new = SplitKey::agree(&keys, SMALL, KEY).await;
    assert_ne!(
        old.share.0[..10],
        new.share.0[..10],
        "the new key has another name"
    );
    assert_eq!(
        new.share.0[..10],
        keys.vault.wrap_share(KEY, server_share()).await.unwrap().0[..10]
    );
    old.sign(&keys).await.unwrap();
    let keys = keys.reopened();
    old.sign(&keys).await.unwrap();
    new.sign(&keys).await.unwrap();
}

fn server_share() -> splitkey::ServerShare {
    ClientHalf::generate(SMALL, &mut |_| (), &mut system_rng())
        .unwrap()
        .server_share
}

#[tokio::test]
async fn another_vault_opens_nothing() {
    let key = SplitKey::agree(&TestVault::new(), SMALL, KEY).await;
    assert!(matches!(
        key.sign(&TestVault::new()).await,
        Err(KeysError::CannotUnwrap)
    ));
}

#[tokio::test]
async fn a_share_moved_to_another_key_does_not_open() {
    let keys = TestVault::new();
    let (one, other) = (
        SplitKey::agree(&keys, SMALL, KEY).await,
        SplitKey::agree(&keys, SMALL, OTHER_KEY).await,
    );
    let apply = |id, share: Wrapped| {
        let (vault, n1) = (&keys.vault, &one.n1);
        async move { vault.apply_share(id, &share, n1, &message(SMALL)).await }
    };
    assert!(apply(KEY, one.share.clone()).await.is_ok());
    assert!(matches!(
        error(apply(OTHER_KEY, one.share.clone()).await),
        KeysError::CannotUnwrap
    ));
    assert!(matches!(
        error(apply(KEY, other.share.clone()).await),
        KeysError::CannotUnwrap
    ));
}

#[tokio::test]
async fn a_blob_of_one_kind_does_not_open_as_another() {
    let keys = TestVault::new();
    let key = SplitKey::agree(&keys, SMALL, KEY).await;
    let em = message(SMALL);
    let as_share = keys
        .vault
        .apply_share(KEY, &key.half.wrapped, &key.n1, &em)
        .await;
    assert!(matches!(error(as_share), KeysError::CannotUnwrap));
    let as_half = keys.vault.apply_half(&key.share, &em).await;
    assert!(matches!(error(as_half), KeysError::CannotUnwrap));
    let with_fingerprint = Wrapped(
        [
            &key.share.0[..],
            &key.half.wrapped.0[key.half.wrapped.0.len() - 32..],
        ]
        .concat(),
    );
    assert!(matches!(
        error(keys.vault.apply_half(&with_fingerprint, &em).await),
        KeysError::CannotUnwrap
    ));
    assert!(matches!(
        error(keys.vault.reveal("", &key.share).await),
        KeysError::CannotUnwrap
    ));
}

#[tokio::test]
async fn a_half_does_not_open_under_the_name_of_another() {
    let keys = TestVault::new();
    let (one, other) = (
        keys.vault.generate_half(SMALL).await.unwrap(),
        keys.vault.generate_half(SMALL).await.unwrap(),
    );
    let renamed = [
        &one.wrapped.0[..one.wrapped.0.len() - 32],
        &other.wrapped.0[other.wrapped.0.len() - 32..],
    ]
    .concat();
    let result = keys
        .vault
        .apply_half(&Wrapped(renamed), &message(SMALL))
        .await;
    assert!(matches!(error(result), KeysError::CannotUnwrap));
}

#[tokio::test]
async fn a_half_of_another_profile_does_not_open() {
    let keys = TestVault::new();
    let half = keys.vault.generate_half(SMALL).await.unwrap();
    let result = keys
        .vault
        .apply_half(&half.wrapped, &message(Profile::Rsa6144))
        .await;
    assert!(matches!(error(result), KeysError::CannotUnwrap));
}

#[tokio::test]
async fn a_blob_with_any_bit_flipped_does_not_open() {
    let keys = TestVault::new();
    let key = SplitKey::agree(&keys, SMALL, KEY).await;
    let em = message(SMALL);
    for bit in 0..8 * key.share.0.len() {
        let result = keys
            .vault
            .apply_share(KEY, &flipped(&key.share, bit), &key.n1, &em)
            .await;
        assert!(
            matches!(error(result), KeysError::CannotUnwrap),
            "share, bit {bit}"
        );
    }
    for bit in 0..8 * key.half.wrapped.0.len() {
        let result = keys
            .vault
            .apply_half(&flipped(&key.half.wrapped, bit), &em)
            .await;
        assert!(
            matches!(error(result), KeysError::CannotUnwrap),
            "half, bit {bit}"
        );
    }
}

fn flipped(blob: &Wrapped, bit: usize) -> Wrapped {
    let mut blob = blob.clone();
    blob.0[bit / 8] ^= 1 << (bit % 8);
    blob
}

#[tokio::test]
async fn a_blob_cut_off_anywhere_does_not_open() {
    let keys = TestVault::new();
    let key = SplitKey::agree(&keys, SMALL, KEY).await;
    let em = message(SMALL);
    for len in 0..key.share.0.len() {
        let cut = Wrapped(key.share.0[..len].to_vec());
        assert!(matches!(
            error(keys.vault.apply_share(KEY, &cut, &key.n1, &em).await),
            KeysError::CannotUnwrap
        ));
    }
    for len in 0..key.half.wrapped.0.len() {
        let cut = Wrapped(key.half.wrapped.0[..len].to_vec());
        assert!(matches!(
            error(keys.vault.apply_half(&cut, &em).await),
            KeysError::CannotUnwrap
        ));
    }
}

#[tokio::test]
async fn wrapping_the_same_share_twice_gives_different_blobs() {
    let keys = TestVault::new();
    let key = SplitKey::agree(&keys, SMALL, KEY).await;
    let client = ClientHalf::generate(SMALL, &mut |_| (), &mut system_rng()).unwrap();
    let share = client.server_share;
    let copy = splitkey::ServerShare::check(share.expose_secret(), &client.n1).unwrap();
    let (one, two) = (
        keys.vault.wrap_share(KEY, share).await.unwrap(),
        keys.vault.wrap_share(KEY, copy).await.unwrap(),
    );
    assert_ne!(one, two);
    assert_ne!(one, key.share);
}

#[tokio::test]
async fn a_bad_modulus_is_refused_with_its_reason() {
    let keys = TestVault::new();
    let n1 = ClientHalf::generate(SMALL, &mut |_| (), &mut system_rng())
        .unwrap()
        .n1
        .as_bytes()
        .to_vec();
    let mut even = n1.clone();
    *even.last_mut().unwrap() &= 0xfe;
    let check = |n1, others| keys.vault.check_modulus(SMALL, n1, others);
    assert!(check(n1.clone(), vec![]).await.unwrap().is_ok());
    assert_eq!(
        check(even, vec![]).await.unwrap().err(),
        Some(ModulusError::Even)
    );
    assert_eq!(
        check(n1.clone(), vec![n1]).await.unwrap().err(),
        Some(ModulusError::SharedFactor)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_stops_waiting_leaves_the_vault_usable() {
    let keys = TestVault::new();
    for _ in 0..8 {
        let abandoned = keys.vault.generate_half(Profile::Rsa6144);
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(1), abandoned)
                .await
                .is_err()
        );
    }
    SplitKey::agree(&keys, SMALL, KEY)
        .await
        .sign(&keys)
        .await
        .unwrap();
}
