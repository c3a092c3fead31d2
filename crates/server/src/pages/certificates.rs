use super::{
    language::Language,
    page::{Page, link},
};
use engine::Service;
use pki::x509::Certificate;
use sha2::{Digest, Sha256};

/// What a deployment publishes.
pub(super) struct Publications {
    /// Name and certificate, the root first.
    pub(super) certificates: Vec<(String, Certificate)>,
    /// The scheme's policies: qualified and basic accounts.
    pub(super) policies: Option<[String; 2]>,
    /// Whether there is a trusted list.
    pub(super) trusted_list: bool,
}

/// Policies of ETSI EN 319 411-1, -2 and EN 319 421.
const QUALIFIED_DEVICE: &str = "0.4.0.194112.1.2";
const NORMALISED_PLUS: &str = "0.4.0.2042.1.2";
const NORMALISED: &str = "0.4.0.2042.1.1";
const TIME_STAMPS: &str = "0.4.0.2023.1.1";

/// Name of the current time-stamping unit among the certificates.
const UNIT: &str = "tsu";

impl Publications {
    pub(super) fn of(service: &Service) -> Self {
        let published = service.published_certificates().into_iter();
        Self {
            certificates: published
                .filter_map(|published| {
                    let certificate = Certificate::parse(&published.certificate).ok()?;
                    Some((published.name, certificate))
                })
                .collect(),
            policies: service.scheme_policies(),
            trusted_list: service.publishes_trusted_list(),
        }
    }

    fn authorities(&self) -> impl Iterator<Item = &str> {
        let authorities = self
            .certificates
            .iter()
            .filter(|(_, certificate)| certificate.is_ca());
        authorities.map(|(name, _)| name.as_str())
    }

    fn has_unit(&self) -> bool {
        self.certificates
            .iter()
            .any(|(name, _)| name.starts_with(UNIT))
    }
}

/// The whole page.
pub(super) fn render(language: Language, publications: &Publications) -> String {
    let texts = language.texts();
    let mut page = Page::begin(language, texts.certs_title, "/certs");
    page.element("p", texts.certs_lead);
    page.raw("<section class=\"notice\">\n");
    page.element("h2", texts.notice_heading);
    page.element("p", texts.notice);
    page.raw("</section>\n");

    page.element("h2", texts.certs_heading);
    for (name, certificate) in &publications.certificates {
        describe(&mut page, name, certificate);
    }

    page.element("h2", texts.addresses_heading);
    let here = |path: String| link(&path, Some(&path));
    let each = |address: &dyn Fn(&str) -> String| -> String {
        let addresses: Vec<_> = publications.authorities().map(address).collect();
        addresses.join(" ")
    };
    let responders: Vec<_> = publications
        .authorities()
        .filter(|name| *name != "root")
        .map(|name| link(&format!("/ocsp/{name}"), None))
        .collect();
    let mut addresses = vec![
        (responders.join(" "), texts.certs_ocsp),
        (
            each(&|name| here(format!("/crl/{name}.crl"))),
            texts.certs_crl,
        ),
    ];
    if publications.has_unit() {
        addresses.push((link("/tsa", None), texts.certs_tsa));
    }
    if publications.trusted_list {
        addresses.push((here("/tl".to_owned()), texts.certs_list));
        addresses.push((here("/tl/lotl".to_owned()), texts.certs_list_of_lists));
    }
    page.table(&addresses);

    page.element("h2", texts.policies_heading);
    let mut policies = Vec::new();
    if let Some([qualified, basic]) = &publications.policies {
        policies.push((link(qualified, None), texts.policy_qualified));
        policies.push((link(basic, None), texts.policy_basic));
    }
    policies.push((link(QUALIFIED_DEVICE, None), texts.policy_device));
    policies.push((link(NORMALISED_PLUS, None), texts.policy_normalised_plus));
    policies.push((link(NORMALISED, None), texts.policy_normalised));
    if publications.has_unit() {
        policies.push((link(TIME_STAMPS, None), texts.policy_time_stamps));
    }
    page.table(&policies);

    page.element("h2", texts.practice_heading);
    for sentence in [
        texts.practice_identity,
        texts.practice_issuance,
        texts.practice_keys,
        texts.practice_revocation,
        texts.practice_status,
    ] {
        page.element("p", sentence);
    }
    if publications.has_unit() {
        page.element("p", texts.practice_time);
    }
    page.end()
}

/// Name, files, validity and fingerprint of a certificate.
fn describe(page: &mut Page, name: &str, certificate: &Certificate) {
    let subject = certificate.subject();
    page.element("h3", subject.common_name().unwrap_or(name));
    page.raw("<p>");
    let files = ["crt", "pem"].map(|ending| {
        let path = format!("/certs/{name}.{ending}");
        link(&path, Some(&path))
    });
    page.raw(&files.join(" "));
    page.raw("<br>\n");
    page.text(&format!(
        "{:.0} – {:.0}",
        certificate.not_before(),
        certificate.not_after()
    ));
    page.raw("<br>\n<span class=\"quiet\">SHA-256 <code>");
    page.text(&hex::encode_upper(Sha256::digest(certificate.der())));
    page.raw("</code></span></p>\n");
}
