//! What each side pays, at the two real profiles: `cargo bench -p splitkey`.

use chacha20::ChaCha20Rng;
use divan::{Bencher, black_box};
use rand_core::SeedableRng;
use splitkey::*;

fn main() {
    divan::main();
}

const PROFILES: [Profile; 2] = [Profile::Rsa4096, Profile::Rsa6144];

/// One key with everything that both sides hold.
struct Account {
    n: CompositeModulus,
    record: KeyRecord,
    client_share: ClientShare,
    server_share: ServerShare,
    server_half: ServerHalf,
    keys: SoftwareDeviceKeys,
    pin: Pin,
    em: EncodedMessage,
}

impl Account {
    fn new(profile: Profile) -> Self {
        let phone =
            ClientHalf::generate(profile, &mut |_| (), &mut rng()).expect("a good generator");
        let server_half = ServerHalf::generate(profile, &mut rng()).expect("a good generator");
        let n = CompositeModulus::new(&phone.n1, server_half.modulus()).expect("fresh primes");
        let context = KeyContext {
            purpose: Purpose::Signature,
            key_id: KeyId([1; 16]),
            n1: phone.n1,
            public_key: n.public_key().clone(),
        };
        let (pin, keys) = (
            Pin::new("24680").expect("digits"),
            SoftwareDeviceKeys::from_secret(&[2; 32]),
        );
        let record = KeyRecord::mask(
            phone.client_share,
            &pin,
            &context,
            Kdf::Argon2id,
            &keys,
            &mut rng(),
        );
        let client_share = record.unmask(&pin, &keys).expect("the device's own record");
        let salt = JointSalt {
            r: [3; 32],
            c: [4; 32],
        };
        let em = EncodedMessage::encode(profile, Scheme::Pss(Hash::Sha512), &[5; 64], &salt)
            .expect("fits");
        Self {
            n,
            record,
            client_share,
            server_share: phone.server_share,
            server_half,
            keys,
            pin,
            em,
        }
    }

    fn n1(&self) -> &ClientModulus {
        self.n.client()
    }

    fn phone(&self) -> PartialSignature {
        partial_signature(&self.em, &self.client_share, self.n1())
    }

    fn server(&self) -> PartialSignature {
        self.server_share.apply(&self.em, self.n1(), &mut rng())
    }

    fn half(&self) -> ClientSignatureHalf {
        check_client_half(&self.em, &self.phone(), &self.server(), self.n1())
            .expect("the right PIN")
    }

    fn s2(&self) -> ServerSignatureHalf {
        self.server_half
            .sign(&self.em, &mut rng())
            .expect("no fault")
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

mod phone {
    use super::*;

    #[divan::bench(args = PROFILES, sample_count = 10)]
    fn generate(bencher: Bencher, profile: Profile) {
        let mut rng = rng();
        bencher.bench_local(|| ClientHalf::generate(profile, &mut |_| (), &mut rng));
    }

    #[divan::bench(args = PROFILES, sample_count = 10)]
    fn unmask(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        bencher.bench(|| black_box(&account.record).unmask(&account.pin, &account.keys));
    }

    #[divan::bench(args = PROFILES)]
    fn partial_signature(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        bencher.bench(|| black_box(&account).phone());
    }

    #[divan::bench(args = PROFILES)]
    fn verify(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        let signature =
            complete(account.half(), &account.s2(), &account.n, &account.em).expect("no fault");
        let key = account.n.public_key();
        bencher.bench(|| {
            key.verify(
                signature.scheme(),
                &[5; 64],
                black_box(signature.as_bytes()),
            )
        });
    }
}

mod server {
    use super::*;

    #[divan::bench(args = PROFILES, sample_count = 20)]
    fn validate(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        bencher.bench(|| ClientModulus::validate(profile, black_box(account.n1().as_bytes()), &[]));
    }

    #[divan::bench(args = PROFILES, sample_count = 10)]
    fn generate(bencher: Bencher, profile: Profile) {
        let mut rng = rng();
        bencher.bench_local(|| ServerHalf::generate(profile, &mut rng));
    }

    #[divan::bench(args = PROFILES)]
    fn restore(bencher: Bencher, profile: Profile) {
        let secret = Account::new(profile).server_half.to_secret_bytes();
        bencher.bench(|| ServerHalf::from_secret_bytes(profile, black_box(&secret)));
    }

    #[divan::bench(args = PROFILES)]
    fn compose(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        bencher.bench(|| CompositeModulus::new(account.n1(), account.server_half.modulus()));
    }

    #[divan::bench(args = PROFILES)]
    fn apply_share(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        let mut rng = rng();
        bencher.bench_local(|| {
            account
                .server_share
                .apply(black_box(&account.em), account.n1(), &mut rng)
        });
    }

    #[divan::bench(args = PROFILES)]
    fn check_pin(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        let (phone, server) = (account.phone(), account.server());
        bencher.bench(|| check_client_half(&account.em, black_box(&phone), &server, account.n1()));
    }

    #[divan::bench(args = PROFILES)]
    fn sign_half(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        let mut rng = rng();
        bencher.bench_local(|| account.server_half.sign(black_box(&account.em), &mut rng));
    }

    #[divan::bench(args = PROFILES)]
    fn complete_signature(bencher: Bencher, profile: Profile) {
        let account = Account::new(profile);
        let s2 = account.s2();
        bencher
            .with_inputs(|| account.half())
            .bench_values(|half| complete(half, &s2, &account.n, &account.em));
    }
}
