//! The three moduli: n1 of the phone, n2 of the server, n of both (splitkey.md §1).

mod roca;
mod validation;

use std::sync::Arc;

use crate::integer;
use crate::profile::Profile;
use crate::verification::PublicKey;

/// A phone's modulus n1 that passed the checks of splitkey.md §1.1. Holding one proves that the checks were made.
#[derive(Clone)]
pub struct ClientModulus(Prepared);

impl ClientModulus {
    /// Makes all checks of splitkey.md §1.1 that need n1 alone or the account's `others`, in the order given there.
    ///
    /// Takes some 20 ms for 3072 bits. The proof of possession comes after.
    ///
    /// # Errors
    /// [`ModulusError`] with the first check that failed; the phone is at fault, or its randomness.
    pub fn validate(profile: Profile, n1: &[u8], others: &[&[u8]]) -> Result<Self, ModulusError> {
        let prepared = Prepared::new(profile, n1)?;
        validation::check(&prepared, others)?;
        Ok(Self(prepared))
    }

    /// Takes n1 from where only validated ones are kept: the server's database, the phone's own key record.
    ///
    /// # Errors
    /// [`ModulusError::BitLength`] or [`ModulusError::Even`] if it cannot even be n1 of this profile.
    pub fn from_stored(profile: Profile, n1: &[u8]) -> Result<Self, ModulusError> {
        Prepared::new(profile, n1).map(Self)
    }

    /// The parameter set.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// n1, big-endian, `n1_len` bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(crate) fn arithmetic(&self) -> &modexp::Modulus {
        &self.0.arithmetic
    }
}

/// A server's modulus n2, made by ourselves or by our HSM.
#[derive(Clone)]
pub struct ServerModulus(Prepared);

impl ServerModulus {
    /// Takes n2, big-endian, `n1_len` bytes.
    ///
    /// # Errors
    /// [`ModulusError::BitLength`] or [`ModulusError::Even`] if it cannot be n2 of this profile.
    pub fn from_bytes(profile: Profile, n2: &[u8]) -> Result<Self, ModulusError> {
        Prepared::new(profile, n2).map(Self)
    }

    /// Whether every n1 gives a composite of exactly 4k bits: n2 ≥ 0.7024·2^(2k).
    ///
    /// An HSM makes smaller ones, too; the pool discards those (splitkey.md §1, "n2 from an HSM").
    pub fn suits_every_client(&self) -> bool {
        // 0.7024·2^16 = 46033.9
        matches!(self.as_bytes(), [high, low, ..] if u16::from_be_bytes([*high, *low]) >= 46_034)
    }

    /// The parameter set.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// n2, big-endian, `n1_len` bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(crate) fn arithmetic(&self) -> &modexp::Modulus {
        &self.0.arithmetic
    }
}

/// The public modulus n = n1·n2 with its factors and n1⁻¹ mod n2.
#[derive(Clone)]
pub struct CompositeModulus {
    n1: ClientModulus,
    n2: ServerModulus,
    garner: Vec<u8>,
    public_key: PublicKey,
}

impl CompositeModulus {
    /// Joins two halves. Costs well under a millisecond, so it need not be stored.
    ///
    /// # Errors
    /// [`ModulusError::NotCoprime`] or [`ModulusError::CompositeBitLength`]; take another n2.
    ///
    /// # Panics
    /// If the halves have different profiles.
    pub fn new(n1: &ClientModulus, n2: &ServerModulus) -> Result<Self, ModulusError> {
        let profile = n1.profile();
        assert_eq!(
            profile,
            n2.profile(),
            "the caller pairs halves of one profile"
        );
        let (left, right) = (integer::read(n1.as_bytes()), integer::read(n2.as_bytes()));
        let residue = integer::remainder(&left, &right);
        let garner = integer::invert(&residue, &right).ok_or(ModulusError::NotCoprime)?;
        let n = integer::write(&integer::product(&left, &right), profile.n_len());
        let public_key =
            PublicKey::new(profile, &n).map_err(|_| ModulusError::CompositeBitLength)?;
        let garner = integer::write(&garner, profile.n1_len()).to_vec();
        Ok(Self {
            n1: n1.clone(),
            n2: n2.clone(),
            garner,
            public_key,
        })
    }

    /// The phone's checks of the n the server answered with: divisible by n1, n/n1 odd, of 2k bits and coprime to n1.
    ///
    /// # Errors
    /// [`ModulusError`]; the server is at fault and the registration must end.
    pub fn check(profile: Profile, n: &[u8], n1: &[u8]) -> Result<PublicKey, ModulusError> {
        let n1 = ClientModulus::from_stored(profile, n1)?;
        if integer::bit_length(n) != 4 * profile.k() as usize || n.len() != profile.n_len() {
            return Err(ModulusError::CompositeBitLength);
        }
        let key = PublicKey::new(profile, n).map_err(|_| ModulusError::Even)?;
        let (n2, rest) = integer::divide(&integer::read(n), &integer::read(n1.as_bytes()));
        if !bool::from(rest.is_zero()) {
            return Err(ModulusError::NotAMultiple);
        }
        if integer::bit_length(&n2.to_be_bytes()) != 2 * profile.k() as usize {
            return Err(ModulusError::BitLength);
        }
        let n2 = ServerModulus::from_bytes(profile, &integer::write(&n2, profile.n1_len()))?;
        Self::new(&n1, &n2)?;
        Ok(key)
    }

    /// The parameter set.
    pub fn profile(&self) -> Profile {
        self.n1.profile()
    }

    /// n, big-endian, `n_len` bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.public_key.modulus()
    }

    /// The key that verifies what these moduli sign.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The phone's factor.
    pub fn client(&self) -> &ClientModulus {
        &self.n1
    }

    /// The server's factor.
    pub fn server(&self) -> &ServerModulus {
        &self.n2
    }

    /// n1⁻¹ mod n2, big-endian, `n1_len` bytes.
    pub(crate) fn garner(&self) -> &[u8] {
        &self.garner
    }
}

/// An odd number of exactly the bit length of n1 or n2, ready for arithmetic.
#[derive(Clone)]
struct Prepared {
    profile: Profile,
    bytes: Vec<u8>,
    arithmetic: Arc<modexp::Modulus>,
}

impl Prepared {
    fn new(profile: Profile, modulus: &[u8]) -> Result<Self, ModulusError> {
        if integer::bit_length(modulus) != 2 * profile.k() as usize
            || modulus.len() != profile.n1_len()
        {
            return Err(ModulusError::BitLength);
        }
        let arithmetic = modexp::Modulus::new(modulus).map_err(|_| ModulusError::Even)?;
        Ok(Self {
            profile,
            bytes: modulus.to_vec(),
            arithmetic: Arc::new(arithmetic),
        })
    }
}

/// Why a modulus is refused. Whose fault it is depends on who made the modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModulusError {
    /// Not exactly 2k bits.
    #[error("the modulus does not have the bit length of the profile")]
    BitLength,
    /// Divisible by two.
    #[error("the modulus is even")]
    Even,
    /// Divisible by an odd prime up to 65537.
    #[error("the modulus has a small factor")]
    SmallFactor,
    /// A square, cube or higher power.
    #[error("the modulus is a perfect power")]
    PerfectPower,
    /// Not composite.
    #[error("the modulus is prime")]
    Prime,
    /// Factored by 100 steps of Fermat's method.
    #[error("the prime factors of the modulus are too close")]
    ClosePrimes,
    /// Factored by Pollard's p − 1 method with bound 4096.
    #[error("a prime factor p of the modulus has smooth p − 1")]
    SmoothFactor,
    /// Made by the Infineon generator of CVE-2017-15361 (ROCA).
    #[error("the modulus has the fingerprint of a broken key generator")]
    BrokenGenerator,
    /// Has a common factor with another modulus of the account.
    #[error("the modulus shares a factor with another key")]
    SharedFactor,
    /// n1 and n2 have a common factor.
    #[error("the halves of the modulus share a factor")]
    NotCoprime,
    /// n does not have exactly 4k bits.
    #[error("the composite modulus does not have the bit length of the profile")]
    CompositeBitLength,
    /// n is not a multiple of n1.
    #[error("the composite modulus is not a multiple of n1")]
    NotAMultiple,
}

impl ModulusError {
    /// A stable name for logs, metrics and problem documents.
    pub fn code(self) -> &'static str {
        match self {
            Self::BitLength => "bit_length",
            Self::Even => "even",
            Self::SmallFactor => "small_factor",
            Self::PerfectPower => "perfect_power",
            Self::Prime => "prime",
            Self::ClosePrimes => "close_primes",
            Self::SmoothFactor => "smooth_p_1",
            Self::BrokenGenerator => "broken_generator",
            Self::SharedFactor => "shares_factor_with_another_key",
            Self::NotCoprime => "not_coprime_to_n2",
            Self::CompositeBitLength => "composite_bit_length",
            Self::NotAMultiple => "not_a_multiple_of_n1",
        }
    }
}
