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
    accounts: "Or ask one of the test accounts, which answer by themselves: this one confirms, others refuse, choose a wrong code or stay silent.",
    rp_api_v2: "Relying Party API v2, for older e-services",
    openapi: "Description of the APIs, to read and for tools (OpenAPI)",
    mock: "Test accounts and what they do; make your own, or let one scan a device link",
    link_title: "Smart-ID link",
    link_lead: "This link opens the Smart-ID app. You see this page because there is no such app on this device, or because an ordinary camera or browser opened the link.",
    link_unused: "Nothing has happened: the link is not used, and the e-service still waits for a short while.",
    link_scan: "Open the app and scan, inside the app, the code that the e-service shows. Never type a PIN on a web page.",
    link_command: "The phone of the command line takes the link as well:",
};
