//! What the authorities signed: table `certificate_record`. Rows are added, given out once, revoked once, never deleted.

use crate::{
    account,
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{
        AccountId, AccountLevel, CaKeyId, CertificateKind, CertificateRecord, CertificateSummary,
        Issued, Purpose, Revocation, RevocationReason, RevokedCertificate, SerialNumber, Standing,
    },
    ports::{RecordKey, StoreError},
};
use jiff::Timestamp;

const RECORD: &str = "certificate_record";
const TBS: Column = column!("certificate_record", "tbs");

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT issuer, serial, kind, tbs, recorded_at, expires_at, issued_at, sha256, account_id, certificate, \
             revoked_at, reason FROM certificate_record ",
            $condition
        )
    };
}

macro_rules! summary {
    () => {
        "issuer, serial, kind, expires_at, account_id, revoked_at, reason"
    };
}

macro_rules! revoke_of {
    ($condition:literal) => {
        concat!(
            "UPDATE certificate_record SET revoked_at = $2, reason = $3 \
             WHERE account_id = $1 AND revoked_at IS NULL AND expires_at >= $2",
            $condition,
            " RETURNING ",
            summary!()
        )
    };
}

pub(crate) const STANDING: &str = "SELECT issued_at, revoked_at, reason FROM certificate_record WHERE issuer = $1 AND serial = $2";
pub(crate) const BY_SERIAL: &str = select!("WHERE issuer = $1 AND serial = $2");
pub(crate) const PAGE: &str =
    select!("WHERE (issuer, serial) > ($1, $2) ORDER BY issuer, serial LIMIT $3");
pub(crate) const KEYS: &str = "SELECT issuer, serial FROM certificate_record \
     WHERE (issuer, serial) > ($1, $2) ORDER BY issuer, serial LIMIT $3";
pub(crate) const RESPONDERS: &str = select!(
    "WHERE kind = 'ocsp_responder' AND issuer = $1 AND expires_at > $2 AND issued_at IS NOT NULL \
     ORDER BY expires_at DESC, serial"
);
pub(crate) const ABANDONED: &str = "SELECT issuer, serial FROM certificate_record \
     WHERE issued_at IS NULL AND revoked_at IS NULL AND recorded_at <= $1 ORDER BY recorded_at LIMIT $2";
pub(crate) const REVOKED: &str = "SELECT serial, revoked_at, reason FROM certificate_record \
     WHERE issuer = $1 AND revoked_at IS NOT NULL ORDER BY serial";
pub(crate) const COUNT_REVOKED: &str =
    "SELECT COUNT(*) FROM certificate_record WHERE issuer = $1 AND revoked_at IS NOT NULL";
const INSERT: &str = "INSERT INTO certificate_record (issuer, serial, kind, tbs, recorded_at, expires_at, issued_at, \
     sha256, account_id, certificate, revoked_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
pub(crate) const GIVE_OUT: &str = "UPDATE certificate_record SET issued_at = $3, sha256 = $4, account_id = $5, \
     certificate = $6 WHERE issuer = $1 AND serial = $2 AND issued_at IS NULL AND revoked_at IS NULL";
// What nobody got is revoked whenever that is found, what somebody has only while it is valid.
pub(crate) const REVOKE: &str = "UPDATE certificate_record SET revoked_at = $3, reason = $4 \
     WHERE issuer = $1 AND serial = $2 AND revoked_at IS NULL AND (issued_at IS NULL OR expires_at >= $3)";

pub(crate) const SUMMARY: &str = concat!(
    "SELECT ",
    summary!(),
    " FROM certificate_record WHERE issuer = $1 AND serial = $2"
);
pub(crate) const OF_ACCOUNT: &str = concat!(
    "SELECT ",
    summary!(),
    " FROM certificate_record WHERE account_id = $1"
);
pub(crate) const REVOKE_OF: &str = revoke_of!("");
pub(crate) const REVOKE_OF_PURPOSE: &str = revoke_of!(" AND kind IN ($4, $5)");

pub(crate) const UNRECORDED: &str = "SELECT id FROM account WHERE id > $1 \
     AND (SELECT COUNT(*) FROM certificate_record WHERE account_id = account.id) < 2 ORDER BY id LIMIT $2";
pub(crate) const LEFT_GOOD: &str = "SELECT DISTINCT account_key.account_id FROM account_key \
     JOIN certificate_record ON certificate_record.account_id = account_key.account_id \
     WHERE account_key.account_id > $1 AND destroyed_at IS NOT NULL AND destroyed_reason <> 'expired' \
     AND revoked_at IS NULL AND certificate_record.expires_at >= destroyed_at \
     AND ((purpose = 1 AND kind IN ('basic_authentication', 'qualified_authentication')) \
     OR (purpose = 2 AND kind IN ('basic_signature', 'qualified_signature'))) \
     ORDER BY account_key.account_id LIMIT $2";

pub(crate) async fn standing(
    tables: &mut Tables,
    issuer: CaKeyId,
    serial: &SerialNumber,
) -> Result<Standing, StoreError> {
    let [issuer, serial] = key(issuer, serial);
    let row = tables
        .row(RECORD, STANDING, arguments![issuer, serial])
        .await?;
    let Some(mut row) = row else {
        return Ok(Standing::NeverIssued);
    };
    let issued = row.optional_integer()?.is_some();
    Ok(match revocation(&mut row)? {
        None if !issued => Standing::NeverIssued,
        revocation => Standing::Issued(revocation),
    })
}

pub(crate) async fn find(
    tables: &mut Tables,
    issuer: CaKeyId,
    serial: &SerialNumber,
) -> Result<Option<CertificateRecord>, StoreError> {
    let [issuer, serial] = key(issuer, serial);
    let row = tables
        .row(RECORD, BY_SERIAL, arguments![issuer, serial])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn summary(
    tables: &mut Tables,
    issuer: CaKeyId,
    serial: &SerialNumber,
) -> Result<Option<CertificateSummary>, StoreError> {
    let [issuer, serial] = key(issuer, serial);
    let row = tables
        .row(RECORD, SUMMARY, arguments![issuer, serial])
        .await?;
    row.map(read_summary).transpose()
}

pub(crate) async fn of_account(
    tables: &mut Tables,
    account: AccountId,
) -> Result<Vec<CertificateSummary>, StoreError> {
    let rows = tables
        .rows(RECORD, OF_ACCOUNT, arguments![account.0.to_string()])
        .await?;
    by_purpose(rows)
}

/// Those that [`UNRECORDED`] or [`LEFT_GOOD`] finds.
pub(crate) async fn accounts(
    tables: &mut Tables,
    sql: &'static str,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let after = after.map_or_else(String::new, |id| id.0.to_string());
    let rows = tables.rows(RECORD, sql, arguments![after, limit]).await?;
    rows.into_iter()
        .map(|mut row| row.parsed().map(AccountId))
        .collect()
}

pub(crate) async fn page(
    tables: &mut Tables,
    after: Option<(CaKeyId, &SerialNumber)>,
    limit: u32,
) -> Result<Vec<CertificateRecord>, StoreError> {
    // Before all of them.
    let [issuer, serial] =
        after.map_or_else(Default::default, |(issuer, serial)| key(issuer, serial));
    let rows = tables
        .rows(RECORD, PAGE, arguments![issuer, serial, limit])
        .await?;
    rows.into_iter().map(|row| read(tables, row)).collect()
}

pub(crate) async fn keys(
    tables: &mut Tables,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<RecordKey>, StoreError> {
    let (issuer, serial) = after.map_or_else(Default::default, |after| {
        (after.issuer.clone(), after.serial.clone())
    });
    let rows = tables
        .rows(RECORD, KEYS, arguments![issuer, serial, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(RecordKey {
                issuer: row.text()?,
                serial: row.text()?,
            })
        })
        .collect()
}

pub(crate) async fn at(
    tables: &mut Tables,
    key: &RecordKey,
) -> Result<Option<CertificateRecord>, StoreError> {
    let key = arguments![key.issuer.clone(), key.serial.clone()];
    let row = tables.row(RECORD, BY_SERIAL, key).await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn responders(
    tables: &mut Tables,
    issuer: CaKeyId,
    now: Timestamp,
) -> Result<Vec<CertificateRecord>, StoreError> {
    let rows = tables
        .rows(RECORD, RESPONDERS, arguments![hex::encode(issuer.0), now])
        .await?;
    rows.into_iter().map(|row| read(tables, row)).collect()
}

pub(crate) async fn abandoned(
    tables: &mut Tables,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<(CaKeyId, SerialNumber)>, StoreError> {
    let rows = tables
        .rows(RECORD, ABANDONED, arguments![before, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((issuer_of(&mut row)?, serial_of(&mut row)?)))
        .collect()
}

pub(crate) async fn revoked(
    tables: &mut Tables,
    issuer: CaKeyId,
) -> Result<Vec<RevokedCertificate>, StoreError> {
    let rows = tables
        .rows(RECORD, REVOKED, arguments![hex::encode(issuer.0)])
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(RevokedCertificate {
                serial: serial_of(&mut row)?,
                revocation: revocation(&mut row)?.ok_or(row.corrupt())?,
            })
        })
        .collect()
}

pub(crate) async fn count_revoked(tables: &mut Tables, issuer: CaKeyId) -> Result<u64, StoreError> {
    tables
        .count(RECORD, COUNT_REVOKED, arguments![hex::encode(issuer.0)])
        .await
}

pub(crate) async fn record(
    tables: &mut Tables,
    record: &CertificateRecord,
) -> Result<(), StoreError> {
    let [issuer, serial] = key(record.issuer, &record.serial);
    let tbs = tables.encrypt(TBS, &place(&issuer, &serial), &record.tbs)?;
    let issued = record.issued.as_ref();
    let row = arguments![
        issuer,
        serial,
        to_word(record.kind),
        tbs,
        record.recorded_at,
        record.expires_at,
        issued.map(|issued| issued.at),
        issued.map(|issued| issued.sha256.to_vec()),
        issued.and_then(|issued| issued.account.map(|account| account.0.to_string())),
        issued.and_then(|issued| issued.certificate.clone()),
        record.revocation.map(|revocation| revocation.at),
        record
            .revocation
            .map(|revocation| i64::from(revocation.reason.number())),
    ];
    tables.change(RECORD, INSERT, row).await?;
    Ok(())
}

pub(crate) async fn issued(
    tables: &mut Tables,
    issuer: CaKeyId,
    serial: &SerialNumber,
    issued: &Issued,
) -> Result<(), StoreError> {
    let [issuer, serial] = key(issuer, serial);
    let row = arguments![
        issuer,
        serial,
        issued.at,
        issued.sha256.as_slice(),
        issued.account.map(|account| account.0.to_string()),
        issued.certificate.clone(),
    ];
    tables.compare_and_swap(RECORD, GIVE_OUT, row).await
}

pub(crate) async fn revoke(
    tables: &mut Tables,
    issuer: CaKeyId,
    serial: &SerialNumber,
    revocation: Revocation,
) -> Result<bool, StoreError> {
    let [issuer, serial] = key(issuer, serial);
    let reason = revocation.reason.number();
    let row = arguments![issuer, serial, revocation.at, reason];
    Ok(tables.change(RECORD, REVOKE, row).await? > 0)
}

pub(crate) async fn revoke_of(
    tables: &mut Tables,
    account: AccountId,
    purpose: Option<Purpose>,
    revocation: Revocation,
) -> Result<Vec<CertificateSummary>, StoreError> {
    let (at, reason) = (revocation.at, revocation.reason.number());
    let account = account.0.to_string();
    let rows = match purpose {
        // Also those whose kind cannot be read.
        None => {
            let row = arguments![account, at, reason];
            tables.rows(RECORD, REVOKE_OF, row).await?
        }
        Some(purpose) => {
            let [one, other] = [AccountLevel::Advanced, AccountLevel::Qualified]
                .map(|level| to_word(end_entity(level, purpose)));
            let row = arguments![account, at, reason, one, other];
            tables.rows(RECORD, REVOKE_OF_PURPOSE, row).await?
        }
    };
    by_purpose(rows)
}

/// Records what was given out before there were records, in the run that brings the table.
pub(crate) async fn found(tables: &mut Tables) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let keys = account::keys_after(tables, &after, BATCH).await?;
        let Some(last) = keys.last() else {
            return Ok(());
        };
        after = hex::encode(last.key.id.0);
        for one in keys {
            let account::IssuedKey {
                account,
                level,
                opened,
                key,
            } = one;
            let found = CertificateRecord::of_issued(account, level, opened, &key)
                .map_err(|error| StoreError::Corrupt { what: error.what })?;
            record(tables, &found).await?;
        }
    }
}

/// Keys whose certificates are recorded at a time.
const BATCH: u32 = 500;

fn read(tables: &Tables, mut row: Row) -> Result<CertificateRecord, StoreError> {
    let (issuer, serial) = (row.text()?, row.text()?);
    let kind = from_word(&row.text()?).ok_or(row.corrupt())?;
    let tbs = tables.decrypt(TBS, &place(&issuer, &serial), &row.bytes()?)?;
    let (recorded_at, expires_at) = (row.moment()?, row.moment()?);
    let (issued_at, sha256) = (row.optional_integer()?, row.optional_bytes()?);
    let (account, certificate) = (row.optional_text()?, row.optional_bytes()?);
    let issued = match (issued_at, sha256) {
        (None, None) => None,
        (Some(at), Some(sha256)) => Some(Issued {
            at: crate::moment::from_column(at),
            sha256: sha256.try_into().map_err(|_| row.corrupt())?,
            account: match account {
                None => None,
                Some(account) => Some(AccountId(account.parse().map_err(|_| row.corrupt())?)),
            },
            certificate,
        }),
        _ => return Err(row.corrupt()),
    };
    Ok(CertificateRecord {
        issuer: CaKeyId(text::from_hex(&issuer, RECORD)?),
        serial: SerialNumber::from_bytes(hex::decode(serial).map_err(|_| row.corrupt())?),
        kind,
        tbs: tbs.to_vec(),
        recorded_at,
        expires_at,
        issued,
        revocation: revocation(&mut row)?,
    })
}

fn by_purpose(rows: Vec<Row>) -> Result<Vec<CertificateSummary>, StoreError> {
    let read: Result<Vec<_>, _> = rows.into_iter().map(read_summary).collect();
    let mut summaries = read?;
    summaries.sort_by_cached_key(|one| {
        let purpose = one.purpose().map(Purpose::id);
        (purpose, one.issuer, one.serial.clone())
    });
    Ok(summaries)
}

fn read_summary(mut row: Row) -> Result<CertificateSummary, StoreError> {
    let (issuer, serial) = (issuer_of(&mut row)?, serial_of(&mut row)?);
    Ok(CertificateSummary {
        issuer,
        serial,
        kind: from_word(&row.text()?),
        expires_at: row.moment()?,
        account: match row.optional_text()? {
            None => None,
            Some(account) => Some(AccountId(account.parse().map_err(|_| row.corrupt())?)),
        },
        revocation: revocation(&mut row)?,
    })
}

fn key(issuer: CaKeyId, serial: &SerialNumber) -> [String; 2] {
    [hex::encode(issuer.0), hex::encode(serial.as_bytes())]
}

/// The row, for what is encrypted in it.
fn place(issuer: &str, serial: &str) -> String {
    format!("{issuer}/{serial}")
}

fn issuer_of(row: &mut Row) -> Result<CaKeyId, StoreError> {
    text::from_hex(&row.text()?, RECORD).map(CaKeyId)
}

fn serial_of(row: &mut Row) -> Result<SerialNumber, StoreError> {
    let octets = hex::decode(row.text()?).map_err(|_| row.corrupt())?;
    Ok(SerialNumber::from_bytes(octets))
}

/// The next two columns, `revoked_at` and `reason`.
fn revocation(row: &mut Row) -> Result<Option<Revocation>, StoreError> {
    match (row.optional_integer()?, row.optional_integer()?) {
        (None, None) => Ok(None),
        (Some(at), Some(reason)) => Ok(Some(Revocation {
            at: crate::moment::from_column(at),
            reason: u8::try_from(reason)
                .ok()
                .and_then(RevocationReason::from_number)
                .ok_or(row.corrupt())?,
        })),
        _ => Err(row.corrupt()),
    }
}

const KINDS: [(&str, CertificateKind); 5] = [
    (
        "qualified_authentication",
        end_entity(AccountLevel::Qualified, Purpose::Authentication),
    ),
    (
        "qualified_signature",
        end_entity(AccountLevel::Qualified, Purpose::Signature),
    ),
    (
        "basic_authentication",
        end_entity(AccountLevel::Advanced, Purpose::Authentication),
    ),
    (
        "basic_signature",
        end_entity(AccountLevel::Advanced, Purpose::Signature),
    ),
    ("ocsp_responder", CertificateKind::OcspResponder),
];

const fn end_entity(level: AccountLevel, purpose: Purpose) -> CertificateKind {
    CertificateKind::EndEntity { level, purpose }
}

fn to_word(kind: CertificateKind) -> &'static str {
    KINDS
        .iter()
        .find(|(_, known)| *known == kind)
        .map(|(word, _)| *word)
        .expect("every kind has a word")
}

fn from_word(word: &str) -> Option<CertificateKind> {
    KINDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, kind)| *kind)
}
