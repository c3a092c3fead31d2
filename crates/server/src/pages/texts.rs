//! The page's sentences, complete in each language: a missing one does not compile.

mod de;
mod en;
mod et;
mod fr;
mod lt;
mod lv;
mod nl;
mod ru;

pub(super) use de::GERMAN;
pub(super) use en::ENGLISH;
pub(super) use et::ESTONIAN;
pub(super) use fr::FRENCH;
pub(super) use lt::LITHUANIAN;
pub(super) use lv::LATVIAN;
pub(super) use nl::DUTCH;
pub(super) use ru::RUSSIAN;

/// One language's sentences.
pub(super) struct Texts {
    /// The language's own name.
    pub(super) language: &'static str,
    /// What the row of languages is called.
    pub(super) languages: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) notice_heading: &'static str,
    pub(super) notice: &'static str,
    pub(super) data: &'static str,
    pub(super) try_heading: &'static str,
    pub(super) program: &'static str,
    pub(super) register: &'static str,
    pub(super) log_in: &'static str,
    pub(super) approve: &'static str,
    pub(super) sign: &'static str,
    pub(super) tour: &'static str,
    pub(super) addresses_heading: &'static str,
    pub(super) rp_api: &'static str,
    pub(super) device_api: &'static str,
    pub(super) certificates: &'static str,
    pub(super) ready: &'static str,
    pub(super) metrics: &'static str,
    pub(super) relying_parties_heading: &'static str,
    pub(super) demo: &'static str,
    pub(super) alias: &'static str,
    pub(super) advanced: &'static str,
    pub(super) accounts: &'static str,
    pub(super) rp_api_v2: &'static str,
    pub(super) openapi: &'static str,
    pub(super) mock: &'static str,
    /// The page where a device link leads without the app.
    pub(super) link_title: &'static str,
    pub(super) link_lead: &'static str,
    pub(super) link_unused: &'static str,
    pub(super) link_scan: &'static str,
    pub(super) link_command: &'static str,
    /// What the authorities publish, and by what rules.
    pub(super) certs_title: &'static str,
    pub(super) certs_lead: &'static str,
    pub(super) certs_heading: &'static str,
    pub(super) certs_ocsp: &'static str,
    pub(super) certs_crl: &'static str,
    pub(super) certs_tsa: &'static str,
    pub(super) certs_list: &'static str,
    pub(super) certs_list_of_lists: &'static str,
    pub(super) policies_heading: &'static str,
    pub(super) policy_qualified: &'static str,
    pub(super) policy_basic: &'static str,
    pub(super) policy_device: &'static str,
    pub(super) policy_normalised_plus: &'static str,
    pub(super) policy_normalised: &'static str,
    pub(super) policy_time_stamps: &'static str,
    pub(super) practice_heading: &'static str,
    pub(super) practice_identity: &'static str,
    pub(super) practice_issuance: &'static str,
    pub(super) practice_keys: &'static str,
    pub(super) practice_revocation: &'static str,
    pub(super) practice_status: &'static str,
    pub(super) practice_time: &'static str,
}
