//! Wiping what a cipher leaves on the stack.
//!
//! AES-GCM works on the last, incomplete block of a message in a buffer on the stack and does not wipe it, so sixteen
//! bytes of a share would outlive the work on it on the stack of its thread.

use std::hint::black_box;

use zeroize::Zeroize;

/// Does the work, then overwrites the stack as deep as it may have gone.
pub(crate) fn scrubbed<T>(work: impl FnOnce() -> T) -> T {
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

/// In bytes; a few kilobytes are used. Threads have 2 MiB and more.
const DEPTH: usize = 64 * 1024;
