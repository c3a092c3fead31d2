//! The files of one transaction's evidence.

use anyhow::{Context, Result};
use engine::service::{AuditPath, TransactionEvidence};
use std::{fmt::Write as _, fs, path::Path};

/// Checks the folder with openssl alone. It goes out as it stands, so that a copy from elsewhere does as well.
const VERIFY: &str = include_str!("verify.sh");

/// Writes all of it.
pub(super) fn write(folder: &Path, evidence: &TransactionEvidence) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    };
    write("transaction.json", evidence.text.as_bytes())?;
    let records: String = evidence
        .entries
        .iter()
        .map(|entry| format!("{} {}\n", entry.link.seq, entry.text))
        .collect();
    write("records.txt", records.as_bytes())?;
    if let (Some(signed), Some(certificates)) = (&evidence.record.signed, &evidence.certificates) {
        match &signed.payload {
            Some(payload) => write("payload.txt", payload.as_bytes())?,
            None => write("digest.bin", signed.digest.as_ref())?,
        }
        write("signature.bin", signed.signature.as_ref())?;
        write(
            "certificate.pem",
            certificates.certificate.to_pem().as_bytes(),
        )?;
        write("issuer.pem", certificates.issuer.to_pem().as_bytes())?;
        write("root.pem", certificates.root.to_pem().as_bytes())?;
    }
    if let Some(path) = &evidence.path {
        let checkpoint = &path.checkpoint;
        write("chain.txt", chain(path).as_bytes())?;
        write("checkpoint.txt", checkpoint.checkpoint.text().as_bytes())?;
        write("checkpoint.sig", &checkpoint.signature_der()?)?;
        write("root-key.pem", checkpoint.root_key_pem()?.as_bytes())?;
    }
    write("README.txt", story(evidence).as_bytes())?;
    write("verify.sh", VERIFY.as_bytes())
}

/// The link before the first step, then number and hash of every record.
fn chain(path: &AuditPath) -> String {
    let mut text = format!("{} {}\n", path.before.seq, hex::encode(path.before.hash));
    for step in &path.steps {
        // A string takes everything.
        let _ = writeln!(text, "{} {}", step.seq, hex::encode(step.record_sha256));
    }
    text
}

fn story(evidence: &TransactionEvidence) -> String {
    let record = &evidence.record;
    let mut text =
        String::from("Evidence of a Smart-ID transaction\n==================================\n");
    text.push_str(CAVEAT);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            // A string takes everything.
            let _ = writeln!(text, "{name:<20}{}", printable(value));
        }
    };
    line("session", &record.session.to_string());
    line("asked by", &record.relying_party_name);
    line("on behalf of", &record.brokered_rp_name);
    line("relying party UUID", &record.relying_party.to_string());
    line("kind", &record.kind);
    line("asked at", &record.started_at.to_string());
    line("ended at", &record.ended_at.to_string());
    line("result", &record.end_result);
    if let Some(number) = &evidence.document_number {
        line("account", &number.to_string());
    }
    if let Some(certificates) = &evidence.certificates {
        line("signed by", &certificates.certificate.subject().to_string());
    }
    line(
        "shown to the person",
        &record.shown_text().unwrap_or_default(),
    );
    let code = record.verification_code.as_ref();
    line(
        "verification code",
        &code.map(ToString::to_string).unwrap_or_default(),
    );
    text.push_str(FILES);
    text
}

/// Somebody else's text on one line, without control characters, which a terminal would obey, and without those that
/// turn the direction of writing (Unicode Bidi_Control), which show another text than there is.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{61C}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}' => '␣',
            _ if character.is_control() => '␣',
            _ => character,
        })
        .collect()
}

const CAVEAT: &str = "
This page is a convenience: nothing covers it, and whoever had the folder could write anything here. What is proved is
what verify.sh prints.

";

const FILES: &str = "
sh verify.sh checks all of it with openssl alone. To trust nobody, take three things from elsewhere, not from here: the
script (it is the same for every folder), the root certificate and the root key of the deployment:
sh verify.sh -d FOLDER ROOT.pem ROOT-KEY.pem

transaction.json  request and result, as the server recorded them when the transaction ended
records.txt       the audit trail's records about it: number, a space, the record
chain.txt         first the link before them, then number and SHA-256 of every record up to the checkpoint; of other
                  people's transactions only the hash
checkpoint.txt    number and hash of the trail, signed by the deployment's root key: checkpoint.sig, root-key.pem

If the person signed, also:
payload.txt       the text that an authentication signs (ACSP_V2), or
digest.bin        the digest that she signed for the relying party
signature.bin     the signature: ordinary RSA under the key of
certificate.pem   her certificate, with issuer.pem and root.pem above it

A link is SHA-256 over four lines, each ended by a line feed: smart-id/audit-link/v1, the number, the link before it, the
record's SHA-256.
";

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_others_wrote_stays_on_its_line_and_in_its_direction() {
        assert_eq!(
            printable("a\n\u{1b}[2J\u{9b}b\u{202E}c\u{2066}d\u{200F}e\u{2028}f"),
            "a␣␣[2J␣b␣c␣d␣e␣f"
        );
        assert_eq!(printable("Õun & \"pirn\" €"), "Õun & \"pirn\" €");
    }
}
