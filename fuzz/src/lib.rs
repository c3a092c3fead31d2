//! Fuzz targets for every decoder. Each asserts more than that nothing panics: what is accepted is written back as it
//! was, what was changed does not open, and nobody is shown one thing and made to sign another.

mod phone;
mod pki_targets;
mod real;
mod server_targets;
mod splitkey_targets;
mod token_targets;
mod wire_targets;

/// One target: a decoder, and honest input to start from.
#[derive(Clone, Copy)]
pub struct Target {
    /// For `FUZZ_TARGET`, and the folder of its corpus.
    pub name: &'static str,
    /// Decodes the input; panics if a property does not hold.
    pub run: fn(&[u8]),
    /// Honest messages.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$(Target { name: stringify!($name), run: $module::$name::run, seeds: $module::$name::seeds }),*]
    };
}

/// All targets.
pub const TARGETS: &[Target] = targets![
    splitkey_targets::submit,
    splitkey_targets::registration_messages,
    splitkey_targets::key_record,
    splitkey_targets::sealing,
    token_targets::time_stamp_request,
    token_targets::time_stamp_token,
    wire_targets::device_bodies,
    wire_targets::rp_requests,
    wire_targets::device_link,
    wire_targets::request_signature,
    wire_targets::identifiers,
    pki_targets::certificate,
    pki_targets::subject,
    pki_targets::ocsp_request,
    pki_targets::ocsp_response,
    pki_targets::crl,
    phone::stored_state,
    phone::hostile_server,
    server_targets::stored_rows,
    server_targets::vault_file,
    server_targets::vault_blobs,
    server_targets::configuration,
    server_targets::router,
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}

/// Partial signatures that the target `hostile_server` got out of the phone and checked.
#[must_use]
pub fn signatures_checked() -> usize {
    phone::hostile_server::SIGNATURES.load(std::sync::atomic::Ordering::Relaxed)
}

/// Sealed bytes with changes as the input has them: pairs of a place (of 256) and what is flipped there.
///
/// Each run has keys of its own, so that nothing sealed can stand in a corpus.
fn changed(honest: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    for pair in changes.chunks_exact(2) {
        let at = usize::from(pair[0]) * bytes.len() / 256;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= pair[1];
        }
    }
    bytes
}
