//! A service, its qualifiers and its history (TS 119 612 §5.5, §5.6).

use base64ct::{Base64, Encoding};
use const_oid::ObjectIdentifier;

use super::lists::{date_time, names, uris, x509_certificate};
use super::name::rfc4514;
use super::xml::{Element, Prefix, element};
use super::{ServiceKind, ServiceStatus, Status, TrustService};

/// `None` if it has no status.
pub(super) fn service(service: &TrustService) -> Option<Element> {
    let (current, history) = service.statuses.split_first()?;
    let identity = [x509_certificate(&service.certificate)]
        .into_iter()
        .chain(name_and_key(service));
    let information = about("ServiceInformation", service, identity, current);
    let tsp_service = element("TSPService").child(information);
    if history.is_empty() {
        return Some(tsp_service);
    }
    // TS 119 612 §5.6.3: history names the key, not a certificate.
    let instances = history.iter().map(|status| {
        about(
            "ServiceHistoryInstance",
            service,
            name_and_key(service),
            status,
        )
    });
    Some(tsp_service.child(element("ServiceHistory").children(instances)))
}

fn about(
    name: &'static str,
    service: &TrustService,
    identity: impl IntoIterator<Item = Element>,
    status: &ServiceStatus,
) -> Element {
    let identity = identity
        .into_iter()
        .map(|part| element("DigitalId").child(part));
    element(name)
        .child(element("ServiceTypeIdentifier").text(service.kind.uri()))
        .child(names("ServiceName", &service.name))
        .child(element("ServiceDigitalIdentity").children(identity))
        .child(element("ServiceStatus").text(status.status.uri()))
        .child(element("StatusStartingTime").text(date_time(status.since)))
        .children(extensions(&service.kind))
}

fn name_and_key(service: &TrustService) -> [Element; 2] {
    let certificate = &service.certificate;
    let key = certificate.public_key().key_identifier();
    // The certificate's own identifier, should it be made in another way than ours.
    let key = certificate.subject_key_identifier().unwrap_or(key);
    [
        element("X509SubjectName").text(rfc4514(certificate.subject())),
        element("X509SKI").text(Base64::encode_string(key)),
    ]
}

/// TS 119 612 §5.5.9: which certificates of a CA/QC are qualified, and for what.
fn extensions(kind: &ServiceKind) -> Option<Element> {
    let ServiceKind::QualifiedCa { policy } = kind else {
        return None;
    };
    let critical = || element("Extension").attribute("Critical", "true");
    let for_signatures = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForeSignatures";
    Some(
        element("ServiceInformationExtensions")
            .child(critical().child(qualifications(policy)))
            .child(critical().child(uris("AdditionalServiceInformation", [for_signatures]))),
    )
}

/// TS 119 612 §5.5.9.2.
fn qualifications(policy: &ObjectIdentifier) -> Element {
    let sie = |name| Element::new(Prefix::Qualification, name);
    let qualifiers = ["QCStatement", "QCForESig"].map(|qualifier| {
        let uri = format!("http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/{qualifier}");
        sie("Qualifier").attribute("uri", uri)
    });
    let bit = sie("KeyUsageBit")
        .attribute("name", "nonRepudiation")
        .text("true");
    let policy = Element::new(Prefix::Xades, "Identifier").text(policy.to_string());
    let criteria = sie("CriteriaList")
        .attribute("assert", "all")
        .child(sie("KeyUsage").child(bit))
        .child(sie("PolicySet").child(sie("PolicyIdentifier").child(policy)));
    sie("Qualifications").child(
        sie("QualificationElement")
            .child(sie("Qualifiers").children(qualifiers))
            .child(criteria),
    )
}

impl ServiceKind {
    fn uri(&self) -> &'static str {
        match self {
            Self::QualifiedCa { .. } => "http://uri.etsi.org/TrstSvc/Svctype/CA/QC",
            Self::Ca => "http://uri.etsi.org/TrstSvc/Svctype/CA/PKC",
            Self::QualifiedTimeStamping => "http://uri.etsi.org/TrstSvc/Svctype/TSA/QTST",
        }
    }
}

impl Status {
    fn uri(self) -> &'static str {
        match self {
            Self::Granted => "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted",
            Self::Withdrawn => "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn",
            Self::RecognisedAtNationalLevel => {
                "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/recognisedatnationallevel"
            }
            Self::DeprecatedAtNationalLevel => {
                "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/deprecatedatnationallevel"
            }
        }
    }
}
