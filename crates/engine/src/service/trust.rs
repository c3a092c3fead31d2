//! The trust services around the authorities: OCSP, revocation lists, time-stamps, the trusted list.

use super::{Infrastructure, OperatorError, Service};
use jiff::Timestamp;
use pki::trusted_list::{ServiceStatus, Status};

/// The trusted list of the moment.
#[derive(Clone, Debug)]
pub struct TrustedListAnswer {
    /// Signed XML.
    pub xml: String,
    /// TSLSequenceNumber.
    pub sequence: u64,
    /// Until when it is good.
    pub next_update: Timestamp,
}

/// A trust service as an operator sees it.
#[derive(Clone, Debug)]
pub struct TrustServiceSummary {
    /// `eid-q`, `tsu`.
    pub name: String,
    /// CA/QC, CA/PKC, TSA/QTST.
    pub kind: &'static str,
    /// The newest first.
    pub statuses: Vec<ServiceStatus>,
}

impl Service {
    /// Answers an OCSP request at the address of an issuing CA; `None` if there is no such CA. What cannot be answered
    /// becomes one of RFC 6960's unsigned answers.
    pub async fn ocsp(&self, ca: &str, request: &[u8]) -> Option<Vec<u8>> {
        todo!()
    }

    /// The newest revocation list of a CA (`root` included); `None` if there is no such CA.
    ///
    /// # Errors
    /// The database cannot be used, or no list was made yet.
    pub async fn revocation_list(&self, ca: &str) -> Result<Option<Vec<u8>>, Infrastructure> {
        todo!()
    }

    /// Answers a time-stamp request; `None` if there is no time-stamping unit.
    pub async fn time_stamp(&self, request: &[u8]) -> Option<Vec<u8>> {
        todo!()
    }

    /// The trusted list; `None` if this deployment publishes none.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn trusted_list(&self) -> Result<Option<TrustedListAnswer>, Infrastructure> {
        todo!()
    }

    /// The list of lists that points to it.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn list_of_lists(&self) -> Result<Option<TrustedListAnswer>, Infrastructure> {
        todo!()
    }

    /// Brings everything that is published up to date: responder certificates, revocation lists, the trusted list. Safe on
    /// any number of processes at once; call it about once a second.
    ///
    /// # Errors
    /// The first failure; what could be renewed was.
    pub async fn renew_publications(&self) -> Result<(), Infrastructure> {
        todo!()
    }

    /// The trust services and their statuses.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn trust_services(&self) -> Result<Vec<TrustServiceSummary>, OperatorError> {
        todo!()
    }

    /// The scheme operator's decision about a service.
    ///
    /// # Errors
    /// No such service; a time before an earlier decision or in the future; the database cannot be used.
    pub async fn decide_trust(
        &self,
        service: &str,
        status: Status,
        since: Timestamp,
    ) -> Result<(), OperatorError> {
        todo!()
    }
}
