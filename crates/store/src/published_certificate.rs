//! CA certificates that were ever published: table `published_certificate`.
//!
//! The key vault has those of today, and a command beside a running server has no key vault.

use crate::{sql::arguments, tables::Tables};
use engine::ports::{PublishedCertificate, StoreError};
use sha2::{Digest, Sha256};

const CERTIFICATE: &str = "published_certificate";

const ALL: &str = "SELECT name, certificate FROM published_certificate ORDER BY name, sha256";
pub(crate) const KNOWN: &str = "SELECT sha256 FROM published_certificate WHERE sha256 = $1";
const INSERT: &str =
    "INSERT INTO published_certificate (sha256, name, certificate) VALUES ($1, $2, $3)";

pub(crate) async fn all(tables: &mut Tables) -> Result<Vec<PublishedCertificate>, StoreError> {
    let rows = tables.rows(CERTIFICATE, ALL, vec![]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(PublishedCertificate {
                name: row.text()?,
                certificate: row.bytes()?,
            })
        })
        .collect()
}

pub(crate) async fn remember(
    tables: &mut Tables,
    published: &PublishedCertificate,
) -> Result<(), StoreError> {
    let fingerprint = hex::encode(Sha256::digest(&published.certificate));
    let known = tables
        .row(CERTIFICATE, KNOWN, arguments![fingerprint.as_str()])
        .await?;
    if known.is_none() {
        let row = arguments![
            fingerprint,
            published.name.as_str(),
            published.certificate.as_slice()
        ];
        tables.change(CERTIFICATE, INSERT, row).await?;
    }
    Ok(())
}
