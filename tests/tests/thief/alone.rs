//! Somebody with one share alone, and everything else that can be had on that side, tries to sign.

use crate::{
    attack::{
        factoring::{estimated_sum, factor, short_share},
        number::{Ring, add_one, modulo, product, read, resized, small, write},
        record::Record,
    },
    taken::{Taken, pss, taken},
};
use crypto_bigint::{BoxedUint, Resize};
use engine::{
    domain::KeyState,
    ports::{ServerKeys, Store},
};
use splitkey::{
    ClientModulus, CompositeModulus, Hash, JointSalt, PUBLIC_EXPONENT, Profile, PublicKey, Purpose,
    Scheme, ServerHalf, ServerModulus, UncheckedPartialSignature, check_client_half, complete,
};
use std::collections::HashMap;
use tests::{PIN1, World};

const PERSON: &str = "PNOEE-40504040001";

/// Whoever holds a share of d1, or both.
struct Holder {
    /// d1′, d1″, or both for the control.
    shares: Vec<Vec<u8>>,
    n1: Ring,
    /// Messages modulo n1 with their roots and the phone's parts of them.
    past: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
}

impl Holder {
    /// Everything that could be the e-th root of `m` modulo n1.
    fn roots(&self, m: &[u8]) -> Vec<Vec<u8>> {
        let n1 = &self.n1;
        let powers: Vec<_> = self.shares.iter().map(|share| n1.pow(m, share)).collect();
        let mine = powers
            .iter()
            .fold(n1.number(1), |product, power| n1.mul(&product, power));
        let mut roots = vec![mine.clone()];
        // The missing share is guessed: small numbers, the own share again, and what the own share leaves of
        // (k·n1 + 1)/e for every small k, as if φ were n1.
        let mut small_power = mine.clone();
        for _ in 0..GUESSES {
            small_power = n1.mul(&small_power, m);
            roots.push(small_power.clone());
        }
        roots.extend(powers.iter().map(|power| n1.mul(&mine, power)));
        roots.extend(n1.invert(&mine));
        for k in 1..MULTIPLES {
            let mut numerator = product(&n1.n, &small(k));
            add_one(&mut numerator);
            let (exponent, _) =
                crate::attack::number::divide(&numerator, &small(PUBLIC_EXPONENT.into()));
            roots.push(n1.pow(m, &exponent.to_be_bytes()));
        }
        // Old phone's parts with the present server's part.
        roots.extend(self.past.iter().map(|(_, _, part)| n1.mul(&mine, part)));
        roots.extend(self.multiplied(m));
        roots
    }

    /// From m = x^e·∏ m_i^{a_i}, with at most two old messages, |a_i| ≤ 2 and x ≤ 1024.
    fn multiplied(&self, m: &[u8]) -> Vec<Vec<u8>> {
        let n1 = &self.n1;
        let blinds: HashMap<_, _> = (1..=BLINDS)
            .map(|x| (n1.encrypt(&n1.number(x)), n1.number(x)))
            .collect();
        let mut products = vec![(n1.number(1), n1.number(1))];
        let singles: Vec<_> = self
            .past
            .iter()
            .flat_map(|(message, root, _)| self.small_powers(message, root))
            .collect();
        products.extend(singles.iter().cloned());
        for (index, (message, root)) in singles.iter().enumerate() {
            for (other, other_root) in &singles[index + 1..] {
                products.push((n1.mul(message, other), n1.mul(root, other_root)));
            }
        }
        let messages: Vec<_> = products
            .iter()
            .map(|(message, _)| message.clone())
            .collect();
        let mut roots: Vec<_> = products.iter().map(|(_, root)| root.clone()).collect();
        for (inverse, (_, root)) in n1.invert_all(&messages).iter().zip(&products) {
            let rest = n1.mul(m, inverse);
            roots.extend(blinds.get(&rest).map(|blind| n1.mul(blind, root)));
        }
        roots
    }

    /// To the powers −2, −1, 1 and 2.
    fn small_powers(&self, message: &[u8], root: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let n1 = &self.n1;
        let inverse = (n1.invert(message).unwrap(), n1.invert(root).unwrap());
        let plain = (message.to_vec(), root.to_vec());
        let square = |(m, s): &(Vec<u8>, Vec<u8>)| (n1.mul(m, m), n1.mul(s, s));
        vec![square(&plain), square(&inverse), plain, inverse]
    }

    /// A root that is one, if there is any among the candidates.
    fn root(&self, m: &[u8]) -> Option<Vec<u8>> {
        self.roots(m)
            .into_iter()
            .find(|root| self.n1.encrypt(root) == m)
    }
}

const GUESSES: u32 = 4_096;
const MULTIPLES: u64 = 512;
const BLINDS: u64 = 1_024;

/// The account's authentication key with all that each side has of it.
struct Case {
    world: World,
    taken: Taken,
    d1_phone: Vec<u8>,
    d1_server: Vec<u8>,
}

async fn case() -> Case {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..4 {
        let session = world.ask_to_authenticate(PERSON).await;
        phone.answer(&world, &session, PIN1).await;
        assert_eq!(world.result(&session).await, "OK");
    }
    let taken = taken(&world, &phone).await;
    let record = taken.record(0);
    let keys = splitkey::SoftwareDeviceKeys::from_secret(&taken.keystore);
    let d1_phone = record.candidate(PIN1, &keys);
    let d1_server = taken.server_share(&record);
    Case {
        world,
        taken,
        d1_phone,
        d1_server,
    }
}

impl Case {
    fn record(&self) -> Record {
        self.taken.record(0)
    }

    fn holder(&self, shares: &[&Vec<u8>]) -> Holder {
        let record = self.record();
        let n1 = Ring::new(&record.n1);
        let past = self
            .taken
            .messages(&record)
            .into_iter()
            .filter_map(|message| {
                let body = message.body?;
                let part = body.plaintext[body.s1_at..][..n1.len].to_vec();
                Some((n1.reduce(&message.em), message.root?, part))
            });
        let past: Vec<_> = past.collect();
        assert!(past.len() >= 4, "old signatures to combine: {}", past.len());
        Holder {
            shares: shares.iter().map(|share| (*share).clone()).collect(),
            past,
            n1,
        }
    }

    /// Completes a root to a signature and verifies it as anybody would.
    async fn sign(&self, holder: &Holder, text: &[u8]) -> bool {
        let record = self.record();
        let digest = Hash::Sha256.digest(&[text]);
        let scheme = Scheme::Pss(Hash::Sha256);
        let salt = JointSalt {
            r: [3; 32],
            c: [4; 32],
        };
        let message =
            splitkey::EncodedMessage::encode(record.profile, scheme, &digest, &salt).unwrap();
        let em = pss(&digest, &salt.r, &salt.c, record.n.len());
        let Some(root) = holder.root(&holder.n1.reduce(&em)) else {
            return false;
        };
        // The attacker has the n2 half as well: the vault gives its root of any message.
        let account = self.account().await;
        let key = account.keys.of(Purpose::Authentication);
        let KeyState::Ready {
            server_share,
            server_half,
        } = &key.state
        else {
            panic!("the key is ready")
        };
        let n1 = ClientModulus::from_stored(record.profile, &record.n1).unwrap();
        let n2 = ServerModulus::from_bytes(record.profile, &key.n2).unwrap();
        let vault = self.world.vault();
        let server_part = vault
            .apply_share(key.id, server_share, &n1, &message)
            .await
            .unwrap();
        let part = holder.n1.mul(
            &root,
            &holder.n1.invert(server_part.expose_secret()).unwrap(),
        );
        let part = UncheckedPartialSignature::new(part.into())
            .check(&n1)
            .unwrap();
        let half = check_client_half(&message, &part, &server_part, &n1).unwrap();
        let composite = CompositeModulus::new(&n1, &n2).unwrap();
        let server = vault.apply_half(server_half, &message).await.unwrap();
        let signature = complete(half, &server, &composite, &message).unwrap();
        let key = PublicKey::new(record.profile, &record.n).unwrap();
        key.verify(scheme, &digest, signature.as_bytes()).is_ok()
    }

    async fn account(&self) -> engine::domain::Account {
        let accounts = self
            .world
            .service()
            .accounts_of(&PERSON.parse().unwrap())
            .await
            .unwrap();
        let number = &accounts.first().unwrap().document_number;
        self.world
            .store()
            .read()
            .await
            .unwrap()
            .account_by_document(number)
            .await
            .unwrap()
            .unwrap()
    }
}

#[tokio::test]
async fn the_server_s_share_with_database_and_vault_signs_nothing() {
    let case = case().await;
    let server = case.holder(&[&case.d1_server]);
    assert!(!case.sign(&server, b"forged").await);
    // The control: the same code, with the phone's share.
    let both = case.holder(&[&case.d1_server, &case.d1_phone]);
    assert!(case.sign(&both, b"forged").await);
}

#[tokio::test]
async fn the_server_does_not_factor_n1() {
    let case = case().await;
    let other = case.world.phone("PNOEE-50001029996").await;
    let other = taken(&case.world, &other).await;
    let record = case.record();
    let account = case.account().await;
    let mut others: Vec<_> = account.keys.iter().map(|key| key.n2.clone()).collect();
    others.extend([
        case.taken.record(1).n1,
        other.record(0).n,
        other.record(1).n,
    ]);
    assert_eq!(factor(&record.n1, &others), None);
    assert_eq!(short_share(&record.n1, &case.d1_server), None);
}

#[tokio::test]
async fn the_phone_s_share_and_pin_sign_nothing() {
    let case = case().await;
    let phone = case.holder(&[&case.d1_phone]);
    assert!(!case.sign(&phone, b"forged").await);
    let record = case.record();
    let (n2, rest) = crate::attack::number::divide(&read(&record.n), &read(&record.n1));
    assert!(bool::from(rest.is_zero()));
    let n2 = write(&n2, record.n1.len());
    let others = [record.n1.clone(), case.taken.record(1).n];
    assert_eq!(factor(&n2, &others), None);
    assert_eq!(factor(&record.n1, &[n2]), None);
}

#[tokio::test]
async fn old_signatures_do_multiply_but_never_to_an_encoded_message() {
    let case = case().await;
    let holder = case.holder(&[&case.d1_server]);
    // The control: a number that happens to be a product of old messages is signed by the same code.
    let n1 = &holder.n1;
    let (first, second) = (&holder.past[0].0, &holder.past[1].0);
    let blinded = n1.mul(&n1.mul(first, second), &n1.encrypt(&n1.number(7)));
    assert!(holder.root(&blinded).is_some());
    assert!(
        holder.root(first).is_some(),
        "an old signature, of course, stands"
    );
    for text in 0..8_u8 {
        assert!(!case.sign(&holder, &[text]).await);
    }
}

#[test]
fn a_badly_made_modulus_would_be_factored() {
    let [p, q] = primes();
    let number = |left: &BoxedUint, right: &BoxedUint| product(left, right).to_be_bytes().to_vec();
    let mut close = resized(&p, p.bits_precision());
    close.wrapping_add_assign(small(1 << 20));
    while !is_prime(&close) {
        close.wrapping_add_assign(small(2));
    }
    let shared = number(&q, &small(65_537));
    for (method, n, others) in [
        ("shared", number(&p, &q), vec![shared]),
        ("small", number(&p, &small(1_048_573)), vec![]),
        ("close", number(&p, &close), vec![]),
        ("smooth", number(&smooth_prime(), &p), vec![]),
        // A safe prime, so that p − 1 is not smooth.
        ("rho", number(&p, &small(16_777_907)), vec![]),
    ] {
        let found = factor(&n, &others).map(|(method, _)| method);
        assert_eq!(found, Some(method));
    }
    assert_eq!(factor(&number(&p, &q), &[]), None);
}

/// splitkey.md §2: d1′ must stay full length.
#[test]
fn a_short_share_of_the_phone_would_give_the_server_the_primes() {
    // With one byte the same code that fails against real shares has them at once.
    let [p, q] = primes();
    let n = product(&p, &q).to_be_bytes();
    let server = server_share(&p, &q, &[200]);
    assert!(short_share(&n, &server).is_some());

    // With 256 bits, at real size, it has p + q but for 2^274 of 2^1537: what is left, Coppersmith's method finds.
    let half = ServerHalf::generate(
        Profile::Rsa6144,
        &mut rand_core::UnwrapErr(getrandom::SysRng),
    )
    .unwrap();
    let [p, q] = halves(&half);
    let n = product(&p, &q).to_be_bytes();
    let mut sum = resized(&p, 3_200);
    sum.wrapping_add_assign(resized(&q, 3_200));
    let error = |share: &[u8]| {
        let estimate = estimated_sum(&n, &server_share(&p, &q, share)).resize_unchecked(3_200);
        if estimate > sum {
            estimate.wrapping_sub(&sum)
        } else {
            sum.wrapping_sub(&estimate)
        }
        .bit_width()
    };
    assert!(error(&[0xa5; 32]) <= 256 + 18);
    let full: Vec<u8> = (0..400_u32)
        .map(|index| (index * 167 % 251) as u8)
        .collect();
    assert!(error(&full) > 1_537, "a full-length share says nothing");
}

#[tokio::test]
async fn the_phone_s_share_has_its_full_length() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let taken = taken(&world, &phone).await;
    for index in 0..2 {
        let record = taken.record(index);
        let keys = splitkey::SoftwareDeviceKeys::from_secret(&taken.keystore);
        let share = record.candidate([PIN1, tests::PIN2][index], &keys);
        assert_eq!(share.len(), record.n1.len() + 16);
        assert!(
            share[..16].iter().any(|byte| *byte != 0),
            "not in 2^128 times"
        );
        // A shorter one has no form in which it could be stored.
        let short = record.with_share(&share[48..], PIN1, [1; 16], &taken.keystore);
        assert!(splitkey::KeyRecord::from_bytes(&short.to_bytes(&taken.keystore)).is_err());
    }
}

/// Two primes of the test profile.
fn primes() -> [BoxedUint; 2] {
    let profile = Profile::from_id(1).unwrap_or_default();
    halves(&ServerHalf::generate(profile, &mut rand_core::UnwrapErr(getrandom::SysRng)).unwrap())
}

fn halves(half: &ServerHalf) -> [BoxedUint; 2] {
    let secret = half.to_secret_bytes();
    let (p, q) = secret.split_at(secret.len() / 2);
    [read(p), read(q)]
}

/// d1″ = d1 − d1′ mod φ.
fn server_share(p: &BoxedUint, q: &BoxedUint, share: &[u8]) -> Vec<u8> {
    let one_less =
        |prime: &BoxedUint| prime.wrapping_sub(small(1).resize_unchecked(prime.bits_precision()));
    let phi = product(&one_less(p), &one_less(q));
    let e = u64::from(PUBLIC_EXPONENT);
    // d1 = (1 + k·φ)/e for the one k below e that makes it whole.
    let rest = u64::from_be_bytes(write(&modulo(&phi, &small(e)), 8).try_into().unwrap());
    let k = (1..e).find(|k| (1 + k * rest).is_multiple_of(e)).unwrap();
    let mut numerator = product(&phi, &small(k));
    add_one(&mut numerator);
    let (d1, _) = crate::attack::number::divide(&numerator, &small(e));
    let bits = phi.bits_precision();
    let share = modulo(&read(share), &phi).resize_unchecked(bits);
    let difference = d1
        .resize_unchecked(bits)
        .sub_mod(&share, phi.as_nz_vartime().unwrap());
    write(&difference, usize::try_from(bits / 8).unwrap())
}

/// A prime p of some 250 bits whose p − 1 has prime factors below 2^16 only.
fn smooth_prime() -> BoxedUint {
    let mut seed = 12_345_u64;
    loop {
        let mut number = small(2);
        while number.bit_width() < 240 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            number = product(&number, &small(seed >> 49 | 1)).resize_unchecked(512);
        }
        add_one(&mut number);
        if is_prime(&number) {
            return resized(&number, 256);
        }
    }
}

/// Fermat's test to base 2.
fn is_prime(number: &BoxedUint) -> bool {
    let ring = Ring::new(&number.to_be_bytes());
    let minus_one = number.wrapping_sub(resized(&small(1), number.bits_precision()));
    ring.pow(&ring.number(2), &minus_one.to_be_bytes()) == ring.number(1)
}
