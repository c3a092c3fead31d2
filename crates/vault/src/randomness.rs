use getrandom::SysRng;
use rand_core::UnwrapErr;

/// The operating system's randomness. It panics if there is none: nothing in a vault can be done without.
pub(crate) fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
