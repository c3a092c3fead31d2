//! `smart-id tour`: a story without questions. A person registers, logs in, signs, mistypes a PIN and deletes her
//! account; a relying party of its own checks everything by rules and a library that are not ours.

mod evidence;
mod relying_party;
mod validation;

use crate::{
    demo::{self, DemoOptions},
    headless::handset::Handset,
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use device::{Event, PinEntry, View};
use evidence::{Evidence, Results};
use pki::{Revocation, ocsp::CertificateStatus};
use relying_party::{Padding, RelyingParty};
use serde_json::json;
use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

const PERSON: &str = "PNOEE-40504040001";
const PIN1: &str = "4826";
const PIN2: &str = "73915";
const WRONG: &str = "9513";

/// What is signed.
const DOCUMENT: &[u8] = b"I agree to the terms of the tour.\n";

/// A story without questions: register, log in, sign, mistype, delete; every step is verified
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct TourArgs {
    /// A running demo [default: a temporary one of the tour's own]
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
    /// Leave certificates, signed data and signatures in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

const AFTER: &str = "\
With --keep DIR, openssl checks what is left:
  openssl verify -CAfile root.pem -untrusted ca.pem auth.pem sign.pem
  openssl x509 -in auth.pem -pubkey -noout > auth.pub
  openssl dgst -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64 -verify auth.pub \\
      -signature login.sig login.txt
and likewise document.bin with document.sig, and with legacy.sig without -sigopt, under sign.pem; and
  openssl ts -verify -data document.sig -in document.tst -token_in -CAfile root.pem -untrusted tsu.pem";

/// Runs the tour. Success means that all of it verified.
///
/// # Errors
/// The step that failed, with a sentence.
pub async fn run(arguments: TourArgs) -> Result<ExitCode> {
    if let Some(folder) = &arguments.keep {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let own = match &arguments.url {
        Some(_) => None,
        None => {
            say("Starting a server of its own, with fresh keys and an empty database.");
            let options = DemoOptions {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                ..DemoOptions::default()
            };
            Some(demo::start(options).await?)
        }
    };
    let url = match (&own, arguments.url) {
        (Some(own), _) => own.url.clone(),
        (None, Some(url)) => url,
        (None, None) => unreachable!("either was set above"),
    };
    // The phone and the relying party of the story wait for answers as people do.
    let told = tokio::task::spawn_blocking(move || tell(&url, arguments.keep.as_deref())).await;
    if let Some(own) = own {
        own.stop().await;
    }
    told.context("the tour broke off")??;
    Ok(ExitCode::SUCCESS)
}

fn tell(url: &str, keep: Option<&Path>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut phone = Handset::open(&folder.path().join("tour.phone"), Some(url), None)?;
    let relying_party = RelyingParty::new(url)?;
    say(&format!(
        "The e-service DEMO trusts \"{}\".",
        relying_party.root_name()
    ));

    let evidence = register(&mut phone, &relying_party)?;
    let number = &evidence.document_number;
    let login = log_in(&mut phone, &relying_party, &evidence)?;
    let document = sign(&mut phone, &relying_party, &evidence, Padding::Pss)?;
    let legacy = sign(&mut phone, &relying_party, &evidence, Padding::Pkcs1)?;
    let stamp = validate(&relying_party, &evidence, &document)?;
    mistype(&mut phone, &relying_party)?;

    heading("She deletes her account");
    expect(phone.act_to(Event::Delete)?, |view| {
        matches!(view, View::Deleted)
    })?;
    ensure!(
        !relying_party.finds_account(number)?,
        "the deleted account {number} still answers"
    );
    say(&format!(
        "The e-service is told that there is no active account {number}."
    ));
    for certificate in [&evidence.authentication, &evidence.signature] {
        let status = relying_party.status_of(certificate, &evidence.issuer)?;
        let CertificateStatus::Revoked(Revocation { at, reason }) = status else {
            anyhow::bail!("the certificate of a deleted account is not revoked");
        };
        say(&format!(
            "OCSP says of the {} certificate: revoked since {at}, {}.",
            match certificate == &evidence.signature {
                true => "signing",
                false => "authentication",
            },
            reason.name()
        ));
    }

    if let Some(folder) = keep {
        let results = Results {
            login,
            document,
            legacy,
            stamp,
        };
        evidence.save(folder, &relying_party, &results)?;
        heading("What is left");
        say(&format!(
            "Certificates and signatures are in {}; see `smart-id tour --help`.",
            folder.display()
        ));
    }
    heading("All of it verified");
    Ok(())
}

fn register(phone: &mut Handset, relying_party: &RelyingParty) -> Result<Evidence> {
    heading("A person registers");
    let start = Instant::now();
    phone.act(Event::AppStart)?;
    phone.act(Event::Register {
        replace: false,
        birth_date: None,
    })?;
    let pins = || {
        (
            PinEntry::new(PIN1.to_owned()),
            PinEntry::new(PIN2.to_owned()),
        )
    };
    let (pin1, pin2) = pins();
    let view = phone.act_to(Event::ChoosePins { pin1, pin2 })?;
    let View::AwaitingIdentity {
        code, control_code, ..
    } = &view
    else {
        anyhow::bail!("the phone cannot register: {view}");
    };
    say(
        "The phone made four primes of 1536 bits and gave the server its shares; it keeps its own, masked with the PINs.",
    );
    say(&format!(
        "Registration code {code}, control code {control_code}. The demo vouches for {PERSON}."
    ));
    let identity = json!({
        "registrationCode": code,
        "semanticsIdentifier": PERSON,
        "givenName": "OK",
        "surname": "TESTNUMBER",
        "dateOfBirth": "1905-04-04",
    });
    phone
        .transport()
        .post("/demo/identities", &identity)?
        .json()
        .context("this server does not vouch for the tour's person; a tour needs a demo")?;
    expect(phone.act_to(Event::Refresh)?, |view| {
        matches!(view, View::RepeatPins { .. })
    })?;
    let (pin1, pin2) = pins();
    expect(phone.act_to(Event::RepeatPins { pin1, pin2 })?, |view| {
        matches!(view, View::Registered(_))
    })?;
    let certificates = phone
        .phone()
        .certificates()
        .context("no certificates came")?;
    let evidence = Evidence::new(certificates, relying_party)?;
    say(&format!(
        "Both keys prove possession; both certificates chain to the root: {} bits, account {}, {:.1} s.",
        evidence.key_bits(),
        evidence.document_number,
        start.elapsed().as_secs_f64()
    ));
    Ok(evidence)
}

fn log_in(
    phone: &mut Handset,
    relying_party: &RelyingParty,
    evidence: &Evidence,
) -> Result<evidence::Signed> {
    heading("She logs in with PIN1");
    let session = relying_party.start_authentication(PERSON, "Log in to DEMO?")?;
    say(&format!(
        "DEMO asks and shows the verification code {}.",
        session.verification_code
    ));
    answer(phone, &session.id, PIN1, |view| {
        matches!(view, View::Completed(_))
    })?;
    let signed = relying_party.authentication_result(&session, evidence)?;
    say(
        "DEMO gets the certificate and a signature over ACSP_V2; the chain, the signature and the code hold.",
    );
    Ok(signed)
}

fn sign(
    phone: &mut Handset,
    relying_party: &RelyingParty,
    evidence: &Evidence,
    padding: Padding,
) -> Result<evidence::Signed> {
    heading(match padding {
        Padding::Pss => "She signs a document with PIN2",
        Padding::Pkcs1 => "She signs it again, for a verifier that knows only PKCS #1 v1.5",
    });
    let session =
        relying_party.start_signature(PERSON, "Sign the terms of the tour?", DOCUMENT, padding)?;
    say(&format!(
        "DEMO sends the SHA-512 digest and shows the verification code {}.",
        session.verification_code
    ));
    answer(phone, &session.id, PIN2, |view| {
        matches!(view, View::Completed(_))
    })?;
    let signed = relying_party.signature_result(&session, DOCUMENT, padding, evidence)?;
    say("The signature verifies under her signing certificate.");
    Ok(signed)
}

/// What makes the signature worth something later: that the certificate was good, and when that was.
fn validate(
    relying_party: &RelyingParty,
    evidence: &Evidence,
    signed: &evidence::Signed,
) -> Result<validation::Stamp> {
    heading("A validator looks at the signature");
    let stamp = relying_party.stamp(&signed.signature)?;
    say(&format!(
        "The time-stamping unit says that it existed at {}.",
        stamp.time
    ));
    let status = relying_party.status_of(&evidence.signature, &evidence.issuer)?;
    ensure!(
        status == CertificateStatus::Good,
        "OCSP does not say that the signing certificate is good"
    );
    ensure!(
        evidence.signature.claims_qualified_signatures(),
        "the certificate does not claim to make qualified signatures"
    );
    say(
        "OCSP says of the signing certificate: good. It claims to be qualified, with its key in a signature device.",
    );
    Ok(stamp)
}

fn mistype(phone: &mut Handset, relying_party: &RelyingParty) -> Result<()> {
    heading("She mistypes PIN1");
    let session = relying_party.start_authentication(PERSON, "Log in to DEMO?")?;
    let view = answer(phone, &session.id, WRONG, |view| {
        matches!(
            view,
            View::WrongPin {
                attempts_left: 2,
                ..
            }
        )
    })?;
    say(&format!(
        "{view} Only the server could tell: on the phone every PIN gives a plausible share."
    ));
    answer(phone, &session.id, PIN1, |view| {
        matches!(view, View::Completed(_))
    })?;
    say("With the right PIN the same request goes through, and the count starts anew.");
    Ok(())
}

/// Opens the request, confirms what is shown, enters the PIN.
fn answer(
    phone: &mut Handset,
    session: &str,
    digits: &str,
    right: impl Fn(&View) -> bool,
) -> Result<View> {
    phone.act(Event::Refresh)?;
    let mut view = phone.act_to(Event::Open(session.parse()?))?;
    while let View::Confirm(_) | View::ConfirmDevice(_) = &view {
        say(&format!("Phone: {view}"));
        view = phone.act_to(Event::Confirm)?;
    }
    if matches!(view, View::EnterPin { .. }) {
        view = phone.act_to(Event::EnterPin(PinEntry::new(digits.to_owned())))?;
    }
    let view = expect(view, right)?;
    if matches!(view, View::Completed(_)) {
        say(&format!("Phone: {view}"));
    }
    Ok(view)
}

fn expect(view: View, right: impl Fn(&View) -> bool) -> Result<View> {
    ensure!(right(&view), "the phone shows something else: {view}");
    Ok(view)
}

fn heading(text: &str) {
    say(&format!("\n{text}"));
}

fn say(text: &str) {
    // A closed pipe means that nobody listens to the story; it goes on for its exit code.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
