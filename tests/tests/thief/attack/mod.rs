//! What a thief can compute. Nothing here uses the code that it attacks, but the keystore that was stolen with the phone.

pub(crate) mod envelope;
pub(crate) mod factoring;
pub(crate) mod number;
pub(crate) mod record;
pub(crate) mod suspects;
pub(crate) mod thief;
pub(crate) mod unfold;
