//! SKELETON
use crate::tables::Tables;
use engine::{domain::*, ports::StoreError};
use jiff::Timestamp;
type R<T> = Result<T, StoreError>;

pub(crate) async fn revocation_list(_: &mut Tables, _: CaKeyId) -> R<Option<StoredRevocationList>> {
    todo!()
}
pub(crate) async fn decisions(_: &mut Tables) -> R<Vec<TrustDecision>> {
    todo!()
}
pub(crate) async fn trusted_list(_: &mut Tables) -> R<Option<StoredTrustedList>> {
    todo!()
}
pub(crate) async fn insert_revocation_list(_: &mut Tables, _: &StoredRevocationList) -> R<()> {
    todo!()
}
pub(crate) async fn insert_decision(_: &mut Tables, _: &TrustDecision) -> R<()> {
    todo!()
}
pub(crate) async fn insert_trusted_list(_: &mut Tables, _: &StoredTrustedList) -> R<()> {
    todo!()
}
