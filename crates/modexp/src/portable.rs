//! The backend that runs everywhere: fixed-size Montgomery arithmetic of crypto-bigint.
//!
//! The modulus and its constants are wiped on drop. Temporaries of the library live on the stack and are not wiped;
//! where that matters (the server), use the native backend.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{CtLt, Odd, U256, U512, U1024, U1536, U2048, U3072, U4096, U6144, U8192, Uint};
use zeroize::{Zeroize, Zeroizing};

use crate::{MAX_EXPONENT_LEN, ModulusError, OperandError, checked_modulus};

/// An odd modulus of 3 or more with its Montgomery constants.
pub struct Modulus {
    arithmetic: Box<dyn Arithmetic + Send + Sync>,
    len: usize,
}

impl Modulus {
    /// Prepares a big-endian `modulus`, which may be secret; its length is not.
    ///
    /// # Errors
    /// [`ModulusError`] if it is even, less than 3 or longer than 768 bytes.
    pub fn new(modulus: &[u8]) -> Result<Self, ModulusError> {
        let modulus = checked_modulus(modulus)?;
        let arithmetic: Box<dyn Arithmetic + Send + Sync> = match modulus.len() {
            0..=32 => Box::new(Fixed::<{ U256::LIMBS }>::new(modulus)),
            33..=64 => Box::new(Fixed::<{ U512::LIMBS }>::new(modulus)),
            65..=128 => Box::new(Fixed::<{ U1024::LIMBS }>::new(modulus)),
            129..=192 => Box::new(Fixed::<{ U1536::LIMBS }>::new(modulus)),
            193..=256 => Box::new(Fixed::<{ U2048::LIMBS }>::new(modulus)),
            257..=384 => Box::new(Fixed::<{ U3072::LIMBS }>::new(modulus)),
            385..=512 => Box::new(Fixed::<{ U4096::LIMBS }>::new(modulus)),
            _ => Box::new(Fixed::<{ U6144::LIMBS }>::new(modulus)),
        };
        Ok(Self {
            arithmetic,
            len: modulus.len(),
        })
    }

    /// Length of the modulus, and of every result, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a modulus is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// `base` to the power of a secret `exponent`; both big-endian, the result [`len`](Self::len) bytes.
    ///
    /// The time depends on `exponent.len()` and the length of the modulus only.
    ///
    /// # Errors
    /// [`OperandError`] if `base` is not reduced or `exponent` longer than 1024 bytes.
    pub fn pow_secret(
        &self,
        base: &[u8],
        exponent: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        if exponent.len() > MAX_EXPONENT_LEN {
            return Err(OperandError::ExponentTooLong);
        }
        self.arithmetic.pow_secret(base, exponent, self.len)
    }

    /// `base` to the power of a public `exponent`; faster for small exponents, which the time reveals.
    ///
    /// # Errors
    /// [`OperandError::NotReduced`].
    pub fn pow_public(
        &self,
        base: &[u8],
        exponent: u64,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        self.arithmetic.pow_public(base, exponent, self.len)
    }

    /// The product of two numbers, in time that depends on the length of the modulus only.
    ///
    /// # Errors
    /// [`OperandError::NotReduced`].
    pub fn mul(&self, left: &[u8], right: &[u8]) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        self.arithmetic.mul(left, right, self.len)
    }
}

/// The operations, whatever the number of limbs. `len` is the length of the result in bytes.
trait Arithmetic {
    fn pow_secret(
        &self,
        base: &[u8],
        exponent: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError>;
    fn pow_public(
        &self,
        base: &[u8],
        exponent: u64,
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError>;
    fn mul(
        &self,
        left: &[u8],
        right: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError>;
}

struct Fixed<const LIMBS: usize>(FixedMontyParams<LIMBS>);

impl<const LIMBS: usize> Fixed<LIMBS> {
    fn new(modulus: &[u8]) -> Self {
        let modulus = Zeroizing::new(integer::<LIMBS>(modulus));
        let odd = Odd::new(*modulus).expect("checked_modulus refuses even moduli");
        Self(FixedMontyParams::new(odd))
    }

    fn operand(&self, bytes: &[u8], len: usize) -> Result<FixedMontyForm<LIMBS>, OperandError> {
        if bytes.len() > len {
            return Err(OperandError::NotReduced);
        }
        let value = Zeroizing::new(integer::<LIMBS>(bytes));
        if !bool::from(value.ct_lt(self.0.modulus().as_ref())) {
            return Err(OperandError::NotReduced);
        }
        Ok(FixedMontyForm::new(&value, &self.0))
    }
}

impl<const LIMBS: usize> Arithmetic for Fixed<LIMBS> {
    fn pow_secret(
        &self,
        base: &[u8],
        exponent: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        let base = self.operand(base, len)?;
        let bits = u32::try_from(8 * exponent.len()).expect("at most 8 · MAX_EXPONENT_LEN");
        let exponent = Zeroizing::new(integer::<{ U8192::LIMBS }>(exponent));
        Ok(bytes(
            &base.pow_bounded_exp(&exponent, bits).retrieve(),
            len,
        ))
    }

    fn pow_public(
        &self,
        base: &[u8],
        exponent: u64,
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        let exponent = crypto_bigint::U64::from_u64(exponent);
        Ok(bytes(
            &self.operand(base, len)?.pow_vartime(&exponent).retrieve(),
            len,
        ))
    }

    fn mul(
        &self,
        left: &[u8],
        right: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        let product = self.operand(left, len)?.mul(&self.operand(right, len)?);
        Ok(bytes(&product.retrieve(), len))
    }
}

impl<const LIMBS: usize> Drop for Fixed<LIMBS> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// OS2IP of a string that fits.
fn integer<const LIMBS: usize>(bytes: &[u8]) -> Uint<LIMBS> {
    let mut limbs = [crypto_bigint::Word::default(); LIMBS];
    for (limb, chunk) in limbs
        .iter_mut()
        .zip(bytes.rchunks(size_of::<crypto_bigint::Word>()))
    {
        for byte in chunk {
            *limb = (*limb << 8) | crypto_bigint::Word::from(*byte);
        }
    }
    let value = Uint::from_words(limbs);
    limbs.zeroize();
    value
}

/// I2OSP to `len` bytes, which the value fits.
fn bytes<const LIMBS: usize>(value: &Uint<LIMBS>, len: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; len]);
    for (chunk, word) in out
        .rchunks_mut(size_of::<crypto_bigint::Word>())
        .zip(value.as_words())
    {
        let be = Zeroizing::new(word.to_be_bytes());
        let (_, low) = be.split_at(be.len() - chunk.len());
        chunk.copy_from_slice(low);
    }
    out
}
