//! The elements of a list, in the order of the schema (TS 119 612 §5.3, annex C).

use base64ct::{Base64, Encoding};
use jiff::Timestamp;

use super::service::service;
use super::signature::UnsignedTrustedList;
use super::xml::{Element, Prefix, element};
use super::{ListOfLists, ListPointer, SchemeOperator, TrustedList};
use crate::x509::Certificate;

/// TS 119 612 §5.3.1, v2.3.1.
const VERSION: &str = "6";

const TAG: &str = "http://uri.etsi.org/19612/TSLTag";

/// TS 119 612 §5.3.12: history is kept for good.
const HISTORICAL_PERIOD: &str = "65535";

const LEGAL_NOTICE: &str = "This list states which trust services its scheme operator vouches for. Unless the operator is \
     the body that a Member State has designated under Article 22 of Regulation (EU) No 910/2014, it has no legal effect.";

/// What differs between a list and a list of lists.
struct Kind {
    list_type: &'static str,
    status_determination: &'static str,
    /// The scheme's rules; that of the territory is added to a list's.
    rules: &'static str,
}

const LIST: Kind = Kind {
    list_type: "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric",
    status_determination: "http://uri.etsi.org/TrstSvc/TrustedList/StatusDetn/EUappropriate",
    rules: "http://uri.etsi.org/TrstSvc/TrustedList/schemerules/EUcommon",
};

const LIST_OF_LISTS: Kind = Kind {
    list_type: "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUlistofthelists",
    status_determination: "http://uri.etsi.org/TrstSvc/TrustedList/StatusDetn/EUlistofthelists",
    rules: "http://uri.etsi.org/TrstSvc/TrustedList/schemerules/EUlistofthelists",
};

impl TrustedList {
    /// The list as canonical XML, to be signed by the holder of this certificate.
    pub fn build(&self, signer: &Certificate) -> UnsignedTrustedList {
        let scheme = Scheme {
            kind: &LIST,
            operator: &self.operator,
            sequence: self.sequence,
            issued_at: self.issued_at,
            next_update: self.next_update,
            location: &self.location,
        };
        let territory_rules = format!(
            "http://uri.etsi.org/TrstSvc/TrustedList/schemerules/{}",
            self.operator.territory
        );
        let services: Vec<Element> = self.services.iter().filter_map(service).collect();
        let root = root().child(scheme.information(Some(territory_rules), None));
        let root = if services.is_empty() {
            root
        } else {
            root.child(element("TrustServiceProviderList").child(self.provider(services)))
        };
        UnsignedTrustedList::new(root, signer, self.issued_at)
    }

    /// TS 119 612 §5.4.
    fn provider(&self, services: Vec<Element>) -> Element {
        let operator = &self.operator;
        let information = element("TSPInformation")
            .child(names("TSPName", &self.provider_name))
            .child(names("TSPTradeName", &self.provider_trade_name))
            .child(address("TSPAddress", operator))
            .child(uris("TSPInformationURI", [&operator.information_url]));
        element("TrustServiceProvider")
            .child(information)
            .child(element("TSPServices").children(services))
    }
}

impl ListOfLists {
    /// As [`TrustedList::build`].
    pub fn build(&self, signer: &Certificate) -> UnsignedTrustedList {
        let scheme = Scheme {
            kind: &LIST_OF_LISTS,
            operator: &self.operator,
            sequence: self.sequence,
            issued_at: self.issued_at,
            next_update: self.next_update,
            location: &self.location,
        };
        // Not to itself, as the Commission's does: libdigidocpp keeps what it follows by territory, so that the list of
        // lists and the list of the same territory would take each other's place.
        let pointers = element("PointersToOtherTSL").children(self.pointers.iter().map(pointer));
        let root = root().child(scheme.information(None, Some(pointers)));
        UnsignedTrustedList::new(root, signer, self.issued_at)
    }
}

fn root() -> Element {
    element("TrustServiceStatusList").attribute("TSLTag", TAG)
}

/// TS 119 612 §5.3.
struct Scheme<'a> {
    kind: &'a Kind,
    operator: &'a SchemeOperator,
    sequence: u64,
    issued_at: Timestamp,
    next_update: Timestamp,
    location: &'a str,
}

impl Scheme<'_> {
    fn information(&self, territory_rules: Option<String>, pointers: Option<Element>) -> Element {
        let operator = self.operator;
        let scheme_name = format!("{}:{}", operator.territory, operator.scheme_name);
        let rules = std::iter::once(self.kind.rules.to_owned()).chain(territory_rules);
        let notice = english("TSLLegalNotice", LEGAL_NOTICE);
        element("SchemeInformation")
            .child(element("TSLVersionIdentifier").text(VERSION))
            .child(element("TSLSequenceNumber").text(self.sequence.to_string()))
            .child(element("TSLType").text(self.kind.list_type))
            .child(names("SchemeOperatorName", &operator.name))
            .child(address("SchemeOperatorAddress", operator))
            .child(names("SchemeName", &scheme_name))
            .child(uris("SchemeInformationURI", [&operator.information_url]))
            .child(element("StatusDeterminationApproach").text(self.kind.status_determination))
            .child(uris("SchemeTypeCommunityRules", rules))
            .child(element("SchemeTerritory").text(&operator.territory))
            .child(element("PolicyOrLegalNotice").child(notice))
            .child(element("HistoricalInformationPeriod").text(HISTORICAL_PERIOD))
            .children(pointers)
            .child(element("ListIssueDateTime").text(date_time(self.issued_at)))
            .child(
                element("NextUpdate").child(element("dateTime").text(date_time(self.next_update))),
            )
            .child(element("DistributionPoints").child(element("URI").text(self.location)))
    }
}

/// TS 119 612 §5.3.13.
fn pointer(list: &ListPointer) -> Element {
    let identities = list.signers.iter().map(|certificate| {
        let identity = element("DigitalId").child(x509_certificate(certificate));
        element("ServiceDigitalIdentity").child(identity)
    });
    let information = [
        element("TSLType").text(LIST.list_type),
        names("SchemeOperatorName", &list.operator_name),
        uris("SchemeTypeCommunityRules", [LIST.rules]),
        element("SchemeTerritory").text(&list.territory),
        Element::new(Prefix::Additional, "MimeType").text("application/vnd.etsi.tsl+xml"),
    ];
    let information = information.map(|about| element("OtherInformation").child(about));
    element("OtherTSLPointer")
        .child(element("ServiceDigitalIdentities").children(identities))
        .child(element("TSLLocation").text(&list.location))
        .child(element("AdditionalInformation").children(information))
}

/// TS 119 612 §5.3.5: postal and electronic.
fn address(name: &'static str, operator: &SchemeOperator) -> Element {
    let postal_code = Some(operator.postal_code.as_str()).filter(|code| !code.is_empty());
    let postal = element("PostalAddress")
        .attribute("xml:lang", "en")
        .child(element("StreetAddress").text(&operator.street_address))
        .child(element("Locality").text(&operator.locality))
        .children(postal_code.map(|code| element("PostalCode").text(code)))
        .child(element("CountryName").text(&operator.territory));
    let electronic = [&operator.contact_url, &operator.information_url];
    element(name)
        .child(element("PostalAddresses").child(postal))
        .child(uris("ElectronicAddress", electronic))
}

/// A name in English.
pub(super) fn names(name: &'static str, text: &str) -> Element {
    element(name).child(english("Name", text))
}

pub(super) fn uris(
    name: &'static str,
    uris: impl IntoIterator<Item = impl Into<String>>,
) -> Element {
    let uris = uris.into_iter().map(|uri| english("URI", uri));
    element(name).children(uris)
}

fn english(name: &'static str, text: impl Into<String>) -> Element {
    element(name).attribute("xml:lang", "en").text(text)
}

pub(super) fn x509_certificate(certificate: &Certificate) -> Element {
    element("X509Certificate").text(Base64::encode_string(certificate.der()))
}

/// TS 119 612 §5.1.4: UTC, whole seconds, `Z`. Validators compare the text.
pub(super) fn date_time(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
