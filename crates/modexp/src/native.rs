//! The fast backend: `BN_mod_exp_mont_consttime` of AWS-LC.
//!
//! Why its time depends on lengths only (AWS-LC 0.47, `crypto/fipsmodule/bn`):
//! * `BN_bin2bn` keeps every word of its input, leading zeros included (`bytes.c`), and
//!   `BN_mod_exp_mont_consttime` walks `width · 64` bits of the exponent, not its bit length (`exponentiation.c`);
//!   the table of powers is read with `bn_gather5` or masked copies.
//! * Bases are padded to the length of the modulus here, so their width is always that of the modulus.
//! * `BN_MONT_CTX_new_consttime` sets up secret moduli without branches on their value, `BN_bn2bin_padded` writes the
//!   result without looking at its length.
//!
//! All memory is wiped when freed: AWS-LC's `OPENSSL_free` cleanses every block, and with it `BN_free`, `BN_CTX_free`
//! and `BN_MONT_CTX_free`.

#![expect(
    unsafe_code,
    reason = "calls into AWS-LC; this is the one place where the workspace allows it"
)]

use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use crate::{MAX_EXPONENT_LEN, ModulusError, OperandError, checked_modulus};

/// An odd modulus of 3 or more with its Montgomery constants.
pub struct Modulus {
    modulus: Integer,
    montgomery: NonNull<lc::BN_MONT_CTX>,
    len: usize,
}

impl Modulus {
    /// Prepares a big-endian `modulus`, which may be secret; its length is not.
    ///
    /// # Errors
    /// [`ModulusError`] if it is even, less than 3 or longer than 768 bytes.
    pub fn new(modulus: &[u8]) -> Result<Self, ModulusError> {
        let bytes = checked_modulus(modulus)?;
        let modulus = Integer::from_bytes(bytes);
        let context = Context::new();
        // SAFETY: both pointers are live for the call; the modulus is odd and positive as the function requires.
        let montgomery =
            unsafe { lc::BN_MONT_CTX_new_consttime(modulus.as_ptr(), context.as_ptr()) };
        Ok(Self {
            modulus,
            montgomery: NonNull::new(montgomery).expect(OUT_OF_MEMORY),
            len: bytes.len(),
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
        let base = self.operand(base)?;
        let exponent = Integer::from_bytes(exponent);
        let (result, context) = (Integer::new(), Context::new());
        // SAFETY: all pointers are live and distinct; base < modulus was checked, the Montgomery context belongs to
        // this modulus, and the call reads but does not keep them.
        let done = unsafe {
            lc::BN_mod_exp_mont_consttime(
                result.as_ptr(),
                base.as_ptr(),
                exponent.as_ptr(),
                self.modulus.as_ptr(),
                context.as_ptr(),
                self.montgomery.as_ptr(),
            )
        };
        assert_eq!(done, 1, "{OUT_OF_MEMORY}");
        Ok(result.to_bytes(self.len))
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
        let base = self.operand(base)?;
        let exponent = Integer::from_bytes(&exponent.to_be_bytes());
        let (result, context) = (Integer::new(), Context::new());
        // SAFETY: as in `pow_secret`.
        let done = unsafe {
            lc::BN_mod_exp_mont(
                result.as_ptr(),
                base.as_ptr(),
                exponent.as_ptr(),
                self.modulus.as_ptr(),
                context.as_ptr(),
                self.montgomery.as_ptr(),
            )
        };
        assert_eq!(done, 1, "{OUT_OF_MEMORY}");
        Ok(result.to_bytes(self.len))
    }

    /// The product of two numbers, in time that depends on the length of the modulus only.
    ///
    /// # Errors
    /// [`OperandError::NotReduced`].
    pub fn mul(&self, left: &[u8], right: &[u8]) -> Result<Zeroizing<Vec<u8>>, OperandError> {
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        let (scaled, product, context) = (Integer::new(), Integer::new(), Context::new());
        let montgomery = self.montgomery.as_ptr();
        // SAFETY: all pointers are live and distinct, both factors are less than the modulus of the context.
        // R·left · right · R⁻¹ = left · right.
        let done = unsafe {
            lc::BN_to_montgomery(scaled.as_ptr(), left.as_ptr(), montgomery, context.as_ptr()) == 1
                && lc::BN_mod_mul_montgomery(
                    product.as_ptr(),
                    scaled.as_ptr(),
                    right.as_ptr(),
                    montgomery,
                    context.as_ptr(),
                ) == 1
        };
        assert!(done, "{OUT_OF_MEMORY}");
        Ok(product.to_bytes(self.len))
    }

    /// A number less than the modulus, held at the width of the modulus.
    fn operand(&self, bytes: &[u8]) -> Result<Integer, OperandError> {
        let mut padded = Zeroizing::new(vec![0; self.len]);
        let start = self
            .len
            .checked_sub(bytes.len())
            .ok_or(OperandError::NotReduced)?;
        padded.split_at_mut(start).1.copy_from_slice(bytes);
        let operand = Integer::from_bytes(&padded);
        // SAFETY: both pointers are live; `BN_ucmp` only reads. It is constant time for equal widths.
        match unsafe { lc::BN_ucmp(operand.as_ptr(), self.modulus.as_ptr()) } {
            ..0 => Ok(operand),
            _ => Err(OperandError::NotReduced),
        }
    }
}

impl Drop for Modulus {
    fn drop(&mut self) {
        // SAFETY: owned by this value, created by `BN_MONT_CTX_new_consttime`, freed once.
        unsafe { lc::BN_MONT_CTX_free(self.montgomery.as_ptr()) }
    }
}

// SAFETY: the modulus and its Montgomery context are only read after `new`, never changed; AWS-LC keeps no state of
// the thread in them.
unsafe impl Send for Modulus {}
// SAFETY: as for `Send`; every operation has its own `BN_CTX`.
unsafe impl Sync for Modulus {}

/// An owned `BIGNUM`.
struct Integer(NonNull<lc::BIGNUM>);

impl Integer {
    fn new() -> Self {
        // SAFETY: no precondition.
        Self(NonNull::new(unsafe { lc::BN_new() }).expect(OUT_OF_MEMORY))
    }

    /// Reads a big-endian string and keeps its width, leading zeros included.
    fn from_bytes(bytes: &[u8]) -> Self {
        // SAFETY: the pointer is valid for `len` bytes; a null result pointer asks for a new BIGNUM.
        let integer = unsafe { lc::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) };
        Self(NonNull::new(integer).expect(OUT_OF_MEMORY))
    }

    fn as_ptr(&self) -> *mut lc::BIGNUM {
        self.0.as_ptr()
    }

    /// Writes `len` big-endian bytes, which the number fits because it is less than the modulus.
    fn to_bytes(&self, len: usize) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![0; len]);
        // SAFETY: the pointer is valid for writing `len` bytes and the BIGNUM is live.
        let done = unsafe { lc::BN_bn2bin_padded(out.as_mut_ptr(), len, self.as_ptr()) };
        assert_eq!(done, 1, "a residue is no longer than its modulus");
        out
    }
}

impl Drop for Integer {
    fn drop(&mut self) {
        // SAFETY: owned by this value, freed once; wipes the words.
        unsafe { lc::BN_clear_free(self.as_ptr()) }
    }
}

/// Scratch space of one operation.
struct Context(NonNull<lc::BN_CTX>);

impl Context {
    fn new() -> Self {
        // SAFETY: no precondition.
        Self(NonNull::new(unsafe { lc::BN_CTX_new() }).expect(OUT_OF_MEMORY))
    }

    fn as_ptr(&self) -> *mut lc::BN_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned by this value, freed once.
        unsafe { lc::BN_CTX_free(self.as_ptr()) }
    }
}

/// The one failure left once the operands are checked; Rust aborts on it elsewhere, too.
const OUT_OF_MEMORY: &str = "AWS-LC is out of memory";
