use super::Texts;

pub(crate) const ENGLISH: Texts = Texts {
    language: "English",
    languages: "Language",
    title: "Open Smart-ID demo",
    lead: "A complete mobile electronic identity is running on this computer. People get an account on their phone, log \
           in to e-services with PIN1 and sign documents with PIN2. Every private key exists only in two shares, one in \
           the phone and one in the server, and neither signs alone.",
    notice_heading: "What this is not",
    notice: "An independent implementation of published protocols, not affiliated with SK ID Solutions or Cybernetica, \
             and not a certified qualified signature creation device. Signatures made here have no legal standing.",
    data: "Use invented people only: the demo believes anyone without proof. Unless it was started with --data, \
           everything is deleted when it stops.",
    try_heading: "Try it",
    program: "Type these in a terminal. After “cargo build --release”, smart-id is target/release/smart-id.",
    register: "Register a phone. Its keys are made now; this takes a while, as on a real phone.",
    log_in: "Be an e-service and ask her to log in. The answer names the session.",
    approve: "Be the phone again and approve with the PIN. Then ask for the result with the session’s id.",
    sign: "Ask for a signature over a digest. The answer also has the verification code that the phone must show.",
    tour: "Or let the whole story run by itself, with every signature checked.",
    addresses_heading: "Addresses",
    rp_api: "Relying Party API v3, for e-services",
    device_api: "Device API, for phones",
    certificates: "Certificates of the root and of the issuing authorities",
    ready: "Whether database and keys can be used",
    metrics: "Metrics for Prometheus",
    relying_parties_heading: "Relying parties",
    demo: "May ask for qualified accounts",
    alias: "The same, under the UUID that older clients have",
    advanced: "May ask for basic accounts as well",
};
