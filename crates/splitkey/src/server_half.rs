//! The server's key n2 in software: for development and for servers without an HSM (splitkey.md §6, choice C).

use crypto_bigint::{BoxedUint, Limb};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::PUBLIC_EXPONENT;
use crate::encoding::EncodedMessage;
use crate::integer;
use crate::modulus::ServerModulus;
use crate::prime::{GenerationError, Kind, Watched, generate_pair};
use crate::profile::Profile;
use crate::signing::ServerSignatureHalf;

/// The private key of n2, ready to sign.
pub struct ServerHalf {
    modulus: ServerModulus,
    p: Factor,
    q: Factor,
    /// q⁻¹ mod p, k/8 bytes.
    q_inverse: Zeroizing<Vec<u8>>,
}

impl ServerHalf {
    /// Generates a key of two ordinary primes whose n2 suits every n1.
    ///
    /// # Errors
    /// [`GenerationError::Entropy`] if the random generator fails its health test.
    pub fn generate<R: CryptoRng + ?Sized>(
        profile: Profile,
        rng: &mut R,
    ) -> Result<Self, GenerationError> {
        let mut rng = Watched::start(rng)?;
        let (p, q) = generate_pair(profile, Kind::Ordinary, &mut |_| (), &mut rng)?;
        rng.finish()?;
        let half =
            Self::from_primes(profile, &p, &q).expect("distinct primes of this size make a key");
        debug_assert!(half.modulus.suits_every_client(), "(27/32)² > 0.7024");
        Ok(half)
    }

    /// Restores a key from [`to_secret_bytes`](Self::to_secret_bytes).
    ///
    /// # Errors
    /// [`ServerHalfError::Malformed`] if these are not two factors of an n2 of this profile. Primality is not tested.
    pub fn from_secret_bytes(profile: Profile, bytes: &[u8]) -> Result<Self, ServerHalfError> {
        let len = profile.k() as usize / 8;
        match bytes.split_at_checked(len) {
            Some((p, q)) if q.len() == len => {
                Self::from_primes(profile, &integer::read(p), &integer::read(q))
                    .ok_or(ServerHalfError::Malformed)
            }
            _ => Err(ServerHalfError::Malformed),
        }
    }

    /// The primes p ‖ q, k/8 bytes each, for wrapping.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * self.p.bytes.len()));
        bytes.extend_from_slice(&self.p.bytes);
        bytes.extend_from_slice(&self.q.bytes);
        bytes
    }

    /// The public n2.
    pub fn modulus(&self) -> &ServerModulus {
        &self.modulus
    }

    /// s2 = (m mod n2)^d2 mod n2, by CRT, blinded in base and exponents, and checked.
    ///
    /// # Errors
    /// [`ServerHalfError::Fault`] if s2^e ≠ m: hardware at fault. Nothing is given out, since it would reveal p or q.
    pub fn sign<R: CryptoRng + ?Sized>(
        &self,
        em: &EncodedMessage,
        rng: &mut R,
    ) -> Result<ServerSignatureHalf, ServerHalfError> {
        let n2 = self.modulus.arithmetic();
        let message = em.residue(self.modulus.as_bytes());
        let (blinding, unblinding) = self.blinding(rng);
        let fault = |_| ServerHalfError::Fault;
        let blinded = n2.mul(
            &message,
            &n2.pow_public(&blinding, PUBLIC_EXPONENT.into())
                .map_err(fault)?,
        );
        let root = self.root(&blinded.map_err(fault)?, rng);
        let signature = n2.mul(&root, &unblinding).map_err(fault)?;
        let check = n2
            .pow_public(&signature, PUBLIC_EXPONENT.into())
            .map_err(fault)?;
        if bool::from(check.ct_eq(&message)) {
            Ok(ServerSignatureHalf(signature))
        } else {
            Err(ServerHalfError::Fault)
        }
    }

    fn from_primes(profile: Profile, p: &BoxedUint, q: &BoxedUint) -> Option<Self> {
        let n2 = integer::product(p, q);
        let modulus =
            ServerModulus::from_bytes(profile, &integer::write(&n2, profile.n1_len())).ok()?;
        let q_inverse = integer::invert(&integer::remainder(q, p), p)?;
        let q_inverse = integer::write(&q_inverse, profile.k() as usize / 8);
        Some(Self {
            modulus,
            p: Factor::new(p, profile)?,
            q: Factor::new(q, profile)?,
            q_inverse,
        })
    }

    /// A random unit of n2 and its inverse.
    fn blinding<R: CryptoRng + ?Sized>(
        &self,
        rng: &mut R,
    ) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
        let n2 = integer::read(self.modulus.as_bytes());
        let len = self.modulus.as_bytes().len();
        let mut bytes = Zeroizing::new(vec![0; len + 8]);
        loop {
            rng.fill_bytes(&mut bytes);
            let value = integer::remainder(&integer::read(&bytes), &n2);
            if let Some(inverse) = integer::invert(&value, &n2) {
                return (integer::write(&value, len), integer::write(&inverse, len));
            }
        }
    }

    /// The e-th root by Garner's form of the CRT: s = sq + q·((sp − sq)·q⁻¹ mod p).
    fn root<R: CryptoRng + ?Sized>(&self, base: &[u8], rng: &mut R) -> Zeroizing<Vec<u8>> {
        let (base, p, q) = (
            integer::read(base),
            integer::read(&self.p.bytes),
            integer::read(&self.q.bytes),
        );
        let (sp, sq) = (self.p.root(&base, &p, rng), self.q.root(&base, &q, rng));
        let difference = integer::subtract(&sp, &integer::remainder(&sq, &p), &p);
        let factor = integer::multiply(&difference, &integer::read(&self.q_inverse), &p);
        let mut root = integer::product(&q, &factor);
        root.wrapping_add_assign(&*sq);
        integer::write(&root, self.modulus.as_bytes().len())
    }
}

/// A prime with its arithmetic and exponent.
struct Factor {
    bytes: Zeroizing<Vec<u8>>,
    arithmetic: modexp::Modulus,
    minus_one: Zeroizing<BoxedUint>,
    /// e⁻¹ mod p − 1.
    exponent: Zeroizing<BoxedUint>,
}

impl Factor {
    fn new(prime: &BoxedUint, profile: Profile) -> Option<Self> {
        let bytes = integer::write(prime, profile.k() as usize / 8);
        let arithmetic = modexp::Modulus::new(&bytes).ok()?;
        let minus_one = Zeroizing::new(prime.wrapping_sub(Limb::ONE));
        if crate::prime::small_primes::residue(&minus_one, PUBLIC_EXPONENT) == 0 {
            return None;
        }
        let exponent = integer::inverse_of_public_exponent(&minus_one);
        Some(Self {
            bytes,
            arithmetic,
            minus_one,
            exponent,
        })
    }

    /// base^(d + t·(p − 1)) mod p with a fresh 64-bit t, as a number of the prime's width.
    fn root<R: CryptoRng + ?Sized>(
        &self,
        base: &BoxedUint,
        prime: &BoxedUint,
        rng: &mut R,
    ) -> Zeroizing<BoxedUint> {
        let mask = Zeroizing::new(BoxedUint::from(rng.next_u64()));
        let mut exponent = integer::product(&self.minus_one, &mask);
        exponent.wrapping_add_assign(&*self.exponent);
        let len = self.bytes.len();
        let exponent = integer::write(&exponent, len + 8);
        let base = integer::write(&integer::remainder(base, prime), len);
        let power = self
            .arithmetic
            .pow_secret(&base, &exponent)
            .expect("a residue, and an exponent of bounded length");
        integer::read(&power)
    }
}

/// Why the server's half failed; ours to repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerHalfError {
    /// The stored secret is not a key of this profile.
    #[error("the server half is not a key of this profile")]
    Malformed,
    /// The computation did not check.
    #[error("the server half computed a wrong root, which was withheld")]
    Fault,
}
