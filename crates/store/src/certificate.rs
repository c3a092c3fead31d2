//! SKELETON
use crate::tables::Tables;
use engine::{domain::*, ports::StoreError};
use jiff::Timestamp;
type R<T> = Result<T, StoreError>;

pub(crate) async fn standing(_: &mut Tables, _: CaKeyId, _: &SerialNumber) -> R<Standing> {
    todo!()
}
pub(crate) async fn find(
    _: &mut Tables,
    _: CaKeyId,
    _: &SerialNumber,
) -> R<Option<CertificateRecord>> {
    todo!()
}
pub(crate) async fn page(
    _: &mut Tables,
    _: Option<(CaKeyId, &SerialNumber)>,
    _: u32,
) -> R<Vec<CertificateRecord>> {
    todo!()
}
pub(crate) async fn responders(
    _: &mut Tables,
    _: CaKeyId,
    _: Timestamp,
) -> R<Vec<CertificateRecord>> {
    todo!()
}
pub(crate) async fn abandoned(
    _: &mut Tables,
    _: Timestamp,
    _: u32,
) -> R<Vec<(CaKeyId, SerialNumber)>> {
    todo!()
}
pub(crate) async fn revoked(_: &mut Tables, _: CaKeyId) -> R<Vec<RevokedCertificate>> {
    todo!()
}
pub(crate) async fn count_revoked(_: &mut Tables, _: CaKeyId) -> R<u64> {
    todo!()
}
pub(crate) async fn record(_: &mut Tables, _: &CertificateRecord) -> R<()> {
    todo!()
}
pub(crate) async fn issued(_: &mut Tables, _: CaKeyId, _: &SerialNumber, _: &Issued) -> R<()> {
    todo!()
}
pub(crate) async fn revoke(_: &mut Tables, _: CaKeyId, _: &SerialNumber, _: Revocation) -> R<bool> {
    todo!()
}
