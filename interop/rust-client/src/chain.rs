//! The chain of a certificate, verified by OpenSSL: the client verifies one too, but accepts whatever comes out
//! (`rp-api.md` §9).

use openssl::{
    base64::decode_block,
    error::ErrorStack,
    stack::Stack,
    x509::{X509, X509StoreContext, store::X509StoreBuilder, verify::X509VerifyFlags},
};

/// A root that a relying party trusts, and a CA that it believes as far as the root says so.
pub struct Chain {
    /// Trusted.
    pub root: X509,
    /// Issues the users' certificates.
    pub issuing: X509,
}

impl Chain {
    /// Whether `certificate` goes back to the root now, in OpenSSL's strict mode (RFC 5280's musts for CAs too).
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot allocate; a certificate that does not verify is `Ok(false)`.
    pub fn verifies(&self, certificate: &X509) -> Result<bool, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        store.add_cert(self.root.clone())?;
        store.set_flags(X509VerifyFlags::X509_STRICT)?;
        let mut untrusted = Stack::new()?;
        untrusted.push(self.issuing.clone())?;
        X509StoreContext::new()?.init(&store.build(), certificate, &untrusted, |context| {
            context.verify_cert()
        })
    }
}

/// The certificate in a session's answer: base64 DER.
///
/// # Errors
///
/// When it is neither.
pub fn certificate(base64: &str) -> Result<X509, ErrorStack> {
    X509::from_der(&decode_block(base64)?)
}
