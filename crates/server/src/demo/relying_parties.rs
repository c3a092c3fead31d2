use anyhow::Result;
use engine::{
    Service,
    domain::RelyingPartyRights,
    service::{NewRelyingParty, OperatorError},
};
use wire::RelyingPartyUuid;

/// The demo's relying party, as in SK's public demo (`rp-api.md` §2).
pub const DEMO: &str = "00000000-0000-4000-8000-000000000000";
/// The UUID that older clients have for it.
pub const ALIAS: &str = "00000000-0000-0000-0000-000000000000";
/// The relying party that may ask for Basic accounts; DEMO may not.
pub const ADVANCED: &str = "00000000-0000-4000-8000-000000000001";

/// Adds the relying parties that are not there yet.
pub(super) async fn seed(service: &Service) -> Result<()> {
    for (uuid, name, advanced_level) in [
        (DEMO, "DEMO", false),
        (ALIAS, "DEMO", false),
        (ADVANCED, "DEMO ADVANCED", true),
    ] {
        let new = NewRelyingParty {
            uuid: Some(uuid.parse::<RelyingPartyUuid>()?),
            names: vec![name.to_owned()],
            networks: Vec::new(),
            rights: RelyingPartyRights {
                advanced_level,
                share_device_ip: true,
                ..RelyingPartyRights::default()
            },
        };
        match service.add_relying_party(new).await {
            Ok(_) | Err(OperatorError::RelyingPartyExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
