//! The newest revocation list of each authority: that it is the authority's, and says what the records say.

use super::{Check, readable};
use crate::{
    domain::{CaKeyId, StoredRevocationList},
    ports::Reader,
    service::Infrastructure,
};
use jiff::{SignedDuration, Timestamp};
use pki::{
    crl::{RevocationList, RevokedCertificate},
    x509::Certificate,
};

/// A running server has what was revoked on a list after a second; clocks of processes differ.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

impl Check {
    pub(super) async fn lists(
        &mut self,
        reader: &mut dyn Reader,
        now: Timestamp,
    ) -> Result<(), Infrastructure> {
        for id in self.authorities.ids() {
            let Some((name, authority)) = self.authorities.get(id) else {
                continue;
            };
            let (name, authority) = (name.to_owned(), authority.clone());
            let found = match readable(list_of(reader, id).await)? {
                Ok(None) => Vec::new(),
                Ok(Some((list, revoked))) => differences(&list, &revoked, &authority, now),
                Err(what) => vec![format!("it cannot be read: {what}")],
            };
            for what in found {
                self.tell(format!("revocation list of {name}"), what);
            }
        }
        Ok(())
    }
}

/// The newest list, and what has to be on it.
async fn list_of(
    reader: &mut dyn Reader,
    id: CaKeyId,
) -> Result<Option<(StoredRevocationList, Vec<RevokedCertificate>)>, crate::ports::StoreError> {
    match reader.revocation_list(id).await? {
        None => Ok(None),
        Some(list) => Ok(Some((list, reader.revoked_certificates(id).await?))),
    }
}

fn differences(
    stored: &StoredRevocationList,
    revoked: &[RevokedCertificate],
    authority: &Certificate,
    now: Timestamp,
) -> Vec<String> {
    let list = match RevocationList::parse(&stored.der) {
        Ok(list) => list,
        Err(error) => return vec![format!("it cannot be read: {error}")],
    };
    if let Err(error) = list.check_issuer(authority) {
        return vec![error.to_string()];
    }
    let mut found = Vec::new();
    let same = list.number() == Some(stored.number)
        && list.this_update().as_second() == stored.this_update.as_second()
        && list.next_update().map(|at| at.as_second()) == Some(stored.next_update.as_second())
        && list.len() as u64 == stored.entries;
    if !same {
        found.push("it has another number, time or length than it is filed under".to_owned());
    }
    let mut listed = 0;
    for one in revoked {
        let RevokedCertificate { serial, revocation } = one;
        match list.revocation(serial) {
            // The next list is due. By the age alone: an older list fits its own number and length.
            None if now < revocation.at + GRACE => {}
            None => found.push(format!(
                "the revoked certificate {serial} is not on it; a running server makes another list within a second"
            )),
            Some(said) => {
                listed += 1;
                if said.reason != revocation.reason
                    || said.at.as_second() != revocation.at.as_second()
                {
                    found.push(format!(
                        "it says another time or reason of {serial} than the record"
                    ));
                }
            }
        }
    }
    if listed != list.len() {
        let more = list.len() - listed;
        found.push(format!("{more} certificates on it are not revoked"));
    }
    found
}
