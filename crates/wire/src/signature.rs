macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),*
        }

        impl $name {
            /// All values, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value with this word on the wire.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// `hashAlgorithm`.
    HashAlgorithm {
        /// FIPS 180-4.
        Sha256 = "SHA-256",
        /// FIPS 180-4.
        Sha384 = "SHA-384",
        /// FIPS 180-4.
        Sha512 = "SHA-512",
        /// FIPS 202.
        Sha3_256 = "SHA3-256",
        /// FIPS 202.
        Sha3_384 = "SHA3-384",
        /// FIPS 202.
        Sha3_512 = "SHA3-512",
    }
}

impl HashAlgorithm {
    /// Length of a digest, in bytes; also of the PSS salt.
    #[must_use]
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }
}

words! {
    /// `signatureAlgorithm`.
    SignatureAlgorithm {
        /// RSASSA-PSS with the hash of its parameters.
        RsassaPss = "rsassa-pss",
        /// RSASSA-PKCS1-v1_5; deprecated.
        Sha256WithRsaEncryption = "sha256WithRSAEncryption",
        /// RSASSA-PKCS1-v1_5; deprecated.
        Sha384WithRsaEncryption = "sha384WithRSAEncryption",
        /// RSASSA-PKCS1-v1_5; deprecated.
        Sha512WithRsaEncryption = "sha512WithRSAEncryption",
    }
}

impl SignatureAlgorithm {
    /// The hash that the name itself fixes.
    #[must_use]
    pub fn fixed_hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::RsassaPss => None,
            Self::Sha256WithRsaEncryption => Some(HashAlgorithm::Sha256),
            Self::Sha384WithRsaEncryption => Some(HashAlgorithm::Sha384),
            Self::Sha512WithRsaEncryption => Some(HashAlgorithm::Sha512),
        }
    }
}

words! {
    /// `certificateLevel`.
    CertificateLevel {
        /// Any account.
        Advanced = "ADVANCED",
        /// Qualified certificates.
        Qualified = "QUALIFIED",
        /// Qualified certificates with the key in a QSCD.
        Qscd = "QSCD",
    }
}

words! {
    /// `flowType`: how phone and session found each other.
    FlowType {
        /// Scanned from another screen.
        Qr = "QR",
        /// From a browser on the same phone.
        Web2App = "Web2App",
        /// From an app on the same phone.
        App2App = "App2App",
        /// Pushed to the phone.
        Notification = "Notification",
    }
}

words! {
    /// `sessionType` of a device link.
    SessionType {
        /// Authentication.
        Authentication = "auth",
        /// Signature.
        Signature = "sign",
        /// Certificate choice.
        CertificateChoice = "cert",
    }
}
