//! A service, its qualifiers and its history (TS 119 612 §5.5, §5.6).

use base64ct::{Base64, Encoding};
use const_oid::ObjectIdentifier;

use super::lists::{date_time, names, uris, x509_certificate};
use super::name::rfc4514;
use super::xml::{Element, Prefix, element};
use super::{ServiceKind, ServiceStatus, Status, TrustService};
use crate::x509::Certificate;

/// `None` if it has no status.
pub(super) fn service(service: &TrustService) -> Option<Element> {
    let (current, history) = service.statuses.split_first()?;
    let information = about("ServiceInformation", service, current);
    let tsp_service = element("TSPService").child(information);
    if history.is_empty() {
        return Some(tsp_service);
    }
    let instances = history
        .iter()
        .map(|status| about("ServiceHistoryInstance", service, status));
    Some(tsp_service.child(element("ServiceHistory").children(instances)))
}

fn about(name: &'static str, service: &TrustService, status: &ServiceStatus) -> Element {
    element(name)
        .child(element("ServiceTypeIdentifier").text(service.kind.uri()))
        .child(names("ServiceName", &service.name))
        .child(digital_identity(&service.certificate))
        .child(element("ServiceStatus").text(status.status.uri()))
        .child(element("StatusStartingTime").text(date_time(status.since)))
        .children(extensions(&service.kind))
}

/// TS 119 612 §5.5.3. History repeats the certificate, although name and key would do: pyHanko knows a service of the past
/// by nothing else.
fn digital_identity(certificate: &Certificate) -> Element {
    let own = certificate.public_key().key_identifier();
    let key = certificate.subject_key_identifier().unwrap_or(own);
    let parts = [
        x509_certificate(certificate),
        element("X509SubjectName").text(rfc4514(certificate.subject())),
        element("X509SKI").text(Base64::encode_string(key)),
    ];
    element("ServiceDigitalIdentity").children(parts.map(|part| element("DigitalId").child(part)))
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
