//! Wiping what ciphers, hashes and arithmetic leave on the stack.
//!
//! Values that are wiped on drop are not all there is of a secret: AES-GCM works on the end of a message in a buffer on
//! the stack, hash functions move their state, which has the end of a PIN in it, and none of them wipes those copies.

use std::hint::black_box;

use zeroize::Zeroize;

/// Does work on secrets, then overwrites the stack as deep as it may have gone.
///
/// What the work gives back must not be a secret by value; in a box, a vector or behind a reference it is safe.
pub fn scrubbed<T>(work: impl FnOnce() -> T) -> T {
    let result = apart(work);
    overwrite();
    result
}

/// In a frame of its own, below which [`overwrite`]'s frame begins, too.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    let mut frame = [0_u64; DEPTH / size_of::<u64>()];
    frame.zeroize();
    black_box(&frame);
}

/// In bytes; some kilobytes are used. Threads have 2 MiB and more.
const DEPTH: usize = 64 * 1024;
