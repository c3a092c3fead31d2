use super::*;
use crate::testkit::{
    Key, Unreachable, certificate, extended_key_usage, name, now, unit_certificate,
};
use crate::x509::IssueError;
use crate::{DigestAlgorithm, SignatureAlgorithm};
use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use roxmltree::{Document, Node};

const TSL_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2231.3.0");

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key() -> Key {
    Key::p384(9)
}

fn signer() -> Certificate {
    signer_of(&key())
}

fn signer_of(key: &Key) -> Certificate {
    let usage = extended_key_usage(false, &[TSL_SIGNING]);
    certificate(key, &name("TEST LIST SIGNER"), vec![usage])
}

fn authority() -> Certificate {
    let pem = include_str!("../../../../vectors/pki/ca-test-eid-q-2024e.pem");
    Certificate::parse_pem(pem).unwrap().remove(0)
}

fn operator() -> SchemeOperator {
    SchemeOperator {
        name: "Open Smart-ID".into(),
        territory: "EE".into(),
        information_url: "http://127.0.0.1:8080/certs?a=1&b=2".into(),
        contact_url: "mailto:trust@example.org".into(),
        street_address: "1 Näidise".into(),
        locality: "Tallinn".into(),
        postal_code: "10111".into(),
        scheme_name: "demo list".into(),
    }
}

fn since(status: Status, since: &str) -> ServiceStatus {
    ServiceStatus {
        status,
        since: time(since),
    }
}

fn list() -> TrustedList {
    let qualified = ServiceKind::QualifiedCa {
        policy: "1.3.6.1.4.1.10015.17.2".parse().unwrap(),
    };
    let service = |kind, name: &str, certificate, statuses| TrustService {
        kind,
        name: name.into(),
        certificate,
        statuses,
    };
    let history = vec![
        since(Status::Withdrawn, "2026-03-01T10:00:00.9Z"),
        since(Status::Granted, "2026-02-01T10:00:00Z"),
        since(Status::DeprecatedAtNationalLevel, "2025-01-01T00:00:00Z"),
    ];
    let recognised = vec![since(
        Status::RecognisedAtNationalLevel,
        "2025-01-01T00:00:00Z",
    )];
    let granted = vec![since(Status::Granted, "2026-01-01T00:00:00Z")];
    TrustedList {
        operator: operator(),
        sequence: 4,
        issued_at: now(),
        next_update: time("2026-03-31T12:00:00Z"),
        location: "http://127.0.0.1:8080/tl".into(),
        provider_name: "Open Smart-ID".into(),
        provider_trade_name: "NTREE-10000000".into(),
        services: vec![
            service(qualified, "EID-Q", authority(), history),
            service(ServiceKind::Ca, "EID-NQ", authority(), recognised),
            service(
                ServiceKind::QualifiedTimeStamping,
                "TSU",
                unit_certificate(&Key::p384(7)),
                granted,
            ),
        ],
    }
}

fn list_of_lists() -> ListOfLists {
    ListOfLists {
        operator: operator(),
        sequence: 2,
        issued_at: now(),
        next_update: time("2026-03-31T12:00:00Z"),
        location: "http://127.0.0.1:8080/tl/lotl".into(),
        pointers: vec![ListPointer {
            location: "http://127.0.0.1:8080/tl".into(),
            territory: "EE".into(),
            operator_name: "Another".into(),
            signers: vec![signer(), authority()],
        }],
    }
}

fn signed(list: &TrustedList) -> String {
    list.build(&signer()).sign(&key()).unwrap().xml
}

fn find<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>>
where
{
    document
        .descendants()
        .filter(|node| node.tag_name().name() == name)
        .collect()
}

fn texts<'a>(document: &'a Document<'_>, name: &str) -> Vec<&'a str> {
    find(document, name)
        .into_iter()
        .map(|node| node.text().unwrap_or_default())
        .collect()
}

/// What lxml 6.1.3 (libxml2's `c14n(exclusive=True)`) canonicalised this very list to, digested with SHA-384: the list
/// without its signature, and the signed properties. The list of lists likewise.
#[test]
fn what_is_digested_is_what_another_canonicaliser_makes_of_it() {
    let list = signed(&list());
    let document = Document::parse(&list).unwrap();
    assert_eq!(
        &texts(&document, "DigestValue")[..2],
        [LIST_DIGEST, PROPERTIES_DIGEST]
    );
    let list = list_of_lists().build(&signer()).sign(&key()).unwrap().xml;
    let document = Document::parse(&list).unwrap();
    assert_eq!(
        &texts(&document, "DigestValue")[..2],
        [LIST_OF_LISTS_DIGEST, PROPERTIES_DIGEST]
    );
}

const LIST_DIGEST: &str = "7+GvFsH79HyfvKflBvd1iSsgeShl+1j6ftBWprc+SRz5TnrA1iKnsUvaf9ec31VO";
const LIST_OF_LISTS_DIGEST: &str =
    "Lcy33etHCN34F/+lsONkieY7198bEIcZVkrO1z7c8yVWpvQVwg6vIfkyLPnIpsQc";
const PROPERTIES_DIGEST: &str = "kZ2I6HU3kmskYLGixNzHSitF5wSrKEfKG3yXOjcDoqk2JB2rrK5jka4SVOKQ6uz/";

#[test]
fn scheme_information_stands_in_the_order_of_the_schema() {
    let xml = signed(&list());
    let document = Document::parse(&xml).unwrap();
    let information = find(&document, "SchemeInformation")[0];
    let names: Vec<&str> = information
        .children()
        .map(|child| child.tag_name().name())
        .collect();
    assert_eq!(
        names,
        [
            "TSLVersionIdentifier",
            "TSLSequenceNumber",
            "TSLType",
            "SchemeOperatorName",
            "SchemeOperatorAddress",
            "SchemeName",
            "SchemeInformationURI",
            "StatusDeterminationApproach",
            "SchemeTypeCommunityRules",
            "SchemeTerritory",
            "PolicyOrLegalNotice",
            "HistoricalInformationPeriod",
            "ListIssueDateTime",
            "NextUpdate",
            "DistributionPoints",
        ]
    );
    assert_eq!(texts(&document, "TSLVersionIdentifier"), ["6"]);
    assert_eq!(texts(&document, "TSLSequenceNumber"), ["4"]);
    assert_eq!(texts(&document, "HistoricalInformationPeriod"), ["65535"]);
    // Whole seconds and Z: validators compare the text.
    assert_eq!(
        texts(&document, "ListIssueDateTime"),
        ["2026-03-01T12:00:00Z"]
    );
    assert_eq!(texts(&document, "dateTime"), ["2026-03-31T12:00:00Z"]);
    assert_eq!(texts(&document, "SigningTime"), ["2026-03-01T12:00:00Z"]);
    assert_eq!(texts(&document, "PostalCode"), ["10111", "10111"]);
    let root = document.root_element();
    assert_eq!(
        root.attribute("TSLTag"),
        Some("http://uri.etsi.org/19612/TSLTag")
    );
}

#[test]
fn the_status_of_now_stands_apart_from_the_history() {
    let xml = signed(&list());
    let document = Document::parse(&xml).unwrap();
    let service = find(&document, "TSPService")[0];
    let of = |node: Node<'_, '_>, name: &str| {
        let found = node
            .descendants()
            .find(|child| child.tag_name().name() == name);
        found
            .and_then(|child| child.text().map(str::to_owned))
            .unwrap()
    };
    let statuses = |name: &str| -> Vec<(String, String)> {
        let found = service
            .descendants()
            .filter(|node| node.tag_name().name() == name);
        found
            .map(|node| (of(node, "ServiceStatus"), of(node, "StatusStartingTime")))
            .collect()
    };
    let status = |name: &str, since: &str| {
        let uri = format!("http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/{name}");
        (uri, since.to_owned())
    };
    assert_eq!(
        statuses("ServiceInformation"),
        [status("withdrawn", "2026-03-01T10:00:00Z")]
    );
    assert_eq!(
        statuses("ServiceHistoryInstance"),
        [
            status("granted", "2026-02-01T10:00:00Z"),
            status("deprecatedatnationallevel", "2025-01-01T00:00:00Z")
        ]
    );
    // As qualified as they were: each carries the qualifiers.
    assert_eq!(find(&document, "Qualifications").len(), 3);
    assert_eq!(find(&document, "AdditionalServiceInformation").len(), 3);
    assert_eq!(find(&document, "ServiceHistory").len(), 1);
}

#[test]
fn a_qualified_authority_is_listed_by_policy_and_key_usage() {
    let xml = signed(&list());
    let document = Document::parse(&xml).unwrap();
    assert_eq!(
        texts(&document, "ServiceTypeIdentifier"),
        [
            "http://uri.etsi.org/TrstSvc/Svctype/CA/QC",
            "http://uri.etsi.org/TrstSvc/Svctype/CA/QC",
            "http://uri.etsi.org/TrstSvc/Svctype/CA/QC",
            "http://uri.etsi.org/TrstSvc/Svctype/CA/PKC",
            "http://uri.etsi.org/TrstSvc/Svctype/TSA/QTST",
        ]
    );
    assert_eq!(
        texts(&document, "Identifier"),
        ["1.3.6.1.4.1.10015.17.2"; 3]
    );
    assert_eq!(texts(&document, "KeyUsageBit"), ["true"; 3]);
    let criteria = find(&document, "CriteriaList");
    assert!(
        criteria
            .iter()
            .all(|each| each.attribute("assert") == Some("all"))
    );
    // pyHanko takes no critical extension of a time-stamping service: there is none.
    assert_eq!(find(&document, "ServiceInformationExtensions").len(), 3);
}

#[test]
fn an_authority_is_known_by_certificate_name_and_key() {
    let xml = signed(&list());
    let document = Document::parse(&xml).unwrap();
    let authority = authority();
    assert_eq!(
        texts(&document, "X509Certificate")[0],
        Base64::encode_string(authority.der())
    );
    let key = authority.subject_key_identifier().unwrap();
    assert_eq!(texts(&document, "X509SKI")[0], Base64::encode_string(key));
    let name = texts(&document, "X509SubjectName")[0];
    // RFC 4514: the last first; a type without a short name by number and encoding.
    assert_eq!(
        name,
        "C=EE,O=SK ID Solutions AS,2.5.4.97=#0c0e4e545245452d3130373437303133,CN=TEST of SK ID Solutions EID-Q 2024E"
    );
}

#[test]
fn a_service_without_status_and_a_list_without_services_are_left_out() {
    let mut list = list();
    list.services[0].statuses.clear();
    let xml = signed(&list);
    let document = Document::parse(&xml).unwrap();
    assert_eq!(find(&document, "TSPService").len(), 2);
    list.services.clear();
    let xml = signed(&list);
    let document = Document::parse(&xml).unwrap();
    // The schema wants at least one in each.
    assert!(find(&document, "TrustServiceProviderList").is_empty());
    list.operator.postal_code.clear();
    let xml = signed(&list);
    assert!(!xml.contains("PostalCode"));
}

#[test]
fn a_list_of_lists_points_to_the_lists_and_not_to_itself() {
    let xml = list_of_lists().build(&signer()).sign(&key()).unwrap().xml;
    let document = Document::parse(&xml).unwrap();
    assert_eq!(
        texts(&document, "TSLLocation"),
        ["http://127.0.0.1:8080/tl"]
    );
    let kind = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/";
    assert_eq!(
        texts(&document, "TSLType"),
        [
            format!("{kind}EUlistofthelists"),
            format!("{kind}EUgeneric")
        ]
    );
    let pointers = find(&document, "OtherTSLPointer");
    let certificates = pointers.iter().map(|pointer| {
        let found = pointer.descendants();
        found
            .filter(|node| node.tag_name().name() == "X509Certificate")
            .count()
    });
    assert_eq!(certificates.collect::<Vec<_>>(), [2]);
    assert_eq!(
        texts(&document, "MimeType"),
        ["application/vnd.etsi.tsl+xml", "text/xml"]
    );
    assert!(find(&document, "TrustServiceProviderList").is_empty());
}

#[test]
fn the_signature_covers_list_and_properties_and_names_the_signer() {
    let xml = signed(&list());
    let document = Document::parse(&xml).unwrap();
    let references = find(&document, "Reference");
    let uris: Vec<_> = references
        .iter()
        .map(|each| each.attribute("URI").unwrap())
        .collect();
    assert_eq!(uris, ["", "#signed-properties"]);
    let properties = find(&document, "SignedProperties")[0];
    assert_eq!(properties.attribute("Id"), Some("signed-properties"));
    let digest = DigestAlgorithm::Sha384.digest(signer().der());
    assert_eq!(
        texts(&document, "DigestValue")[2],
        Base64::encode_string(&digest)
    );
    let key_info = find(&document, "KeyInfo")[0];
    let certificate = key_info.descendants().find_map(|node| node.text());
    assert_eq!(
        certificate,
        Some(Base64::encode_string(signer().der()).as_str())
    );
    // ETSI EN 319 132-1: what is signed is XML.
    let format = find(&document, "DataObjectFormat")[0];
    assert_eq!(
        format.attribute("ObjectReference"),
        Some("#reference-to-list")
    );
    assert_eq!(references[0].attribute("Id"), Some("reference-to-list"));
}

/// SignedInfo as it is signed: as it stands in the document, with the declaration of its prefix.
fn signed_info(xml: &str) -> String {
    let start = xml.find("<ds:SignedInfo>").unwrap();
    let end = xml.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
    let declared = "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">";
    xml[start..end].replace("<ds:SignedInfo>", declared)
}

#[test]
fn each_curve_signs_with_its_digest_as_r_and_s_of_full_length() {
    let check = |key: Key, name: &str, length: usize| -> Vec<u8> {
        let signer = signer_of(&key);
        let xml = list().build(&signer).sign(&key).unwrap().xml;
        let document = Document::parse(&xml).unwrap();
        let method = find(&document, "SignatureMethod")[0].attribute("Algorithm");
        let uri = format!("http://www.w3.org/2001/04/xmldsig-more#ecdsa-{name}");
        assert_eq!(method, Some(uri.as_str()));
        let methods = find(&document, "DigestMethod");
        let mut methods = methods
            .iter()
            .map(|each| each.attribute("Algorithm").unwrap());
        assert!(methods.all(|method| method.ends_with(name)));
        let value = Base64::decode_vec(texts(&document, "SignatureValue")[0]).unwrap();
        assert_eq!(value.len(), length);
        // A changed digest in what is signed would not verify: the positive control of this check.
        let r_and_s: Vec<u8> = value;
        let half = r_and_s.len() / 2;
        let number = |octets: &[u8]| der::asn1::Uint::new(octets).unwrap();
        let sequence = vec![number(&r_and_s[..half]), number(&r_and_s[half..])];
        let signature = der::Encode::to_der(&sequence).unwrap();
        let algorithm = signer.public_key().signature_algorithm().unwrap();
        let verify = |message: &str| {
            signer
                .public_key()
                .verify(algorithm, message.as_bytes(), &signature)
        };
        assert_eq!(verify(&signed_info(&xml)), Ok(()));
        assert!(verify(&signed_info(&xml).replace("DigestValue>", "DigestValue> ")).is_err());
        r_and_s
    };
    check(Key::p256(9), "sha256", 64);
    check(Key::p384(9), "sha384", 96);
    check(Key::p521(9), "sha512", 132);
}

#[test]
fn no_list_exists_if_the_key_is_another_or_at_fault() {
    let unsigned = list().build(&signer());
    let signed = |key: &dyn crate::Signer| unsigned.sign(key).map(|_| ());
    assert!(signed(&key()).is_ok());
    assert!(matches!(
        signed(&Key::p384(8)),
        Err(IssueError::WrongSigner)
    ));
    assert!(matches!(
        signed(&key().faulty()),
        Err(IssueError::Unverified(_))
    ));
    let other = key().claiming(SignatureAlgorithm::RsaSha256);
    assert!(matches!(signed(&other), Err(IssueError::Unverified(_))));
    // An algorithm of another curve's length: the key's own digest makes it unverifiable before.
    let shorter = key().claiming(SignatureAlgorithm::EcdsaSha256);
    assert!(matches!(signed(&shorter), Err(IssueError::Unverified(_))));
    assert!(matches!(
        signed(&Unreachable(key())),
        Err(IssueError::Signer(_))
    ));
}

/// Text as whoever reads the document gets it: characters that XML cannot carry are replaced.
fn as_read(text: &str) -> String {
    let allowed =
        |character: char| !character.is_ascii_control() || ['\t', '\n', '\r'].contains(&character);
    text.chars()
        .map(|each| match each {
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            '\u{7f}' => each,
            _ if allowed(each) => each,
            _ => '\u{fffd}',
        })
        .collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "&",
        "\"",
        "'",
        "]]>",
        "<!--",
        "-->",
        "<![CDATA[",
        "&amp;",
        "&#0;",
        "&lt;",
        "<?x?>",
        "\r",
        "\n",
        "\t",
        "\0",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{fffe}",
        "\u{2028}",
        "é",
        "🔏",
        "</Name>",
        "xmlns=\"\"",
        " ",
        "a",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 1..12).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<char>(), 1..12).prop_map(|all| all.into_iter().collect()),
    ]
}

fn elements(xml: &str) -> usize {
    let document = Document::parse(xml).unwrap();
    document.descendants().filter(Node::is_element).count()
}

fn honest_elements() -> &'static usize {
    static ELEMENTS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    ELEMENTS.get_or_init(|| elements(&signed(&list())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_stands_in_a_name_is_read_as_it_is_and_adds_no_element(
        texts_of in prop::collection::vec(hostile(), 9),
    ) {
        let mut list = list();
        let [name, url, contact, street, locality, scheme, provider, trade, service] =
            texts_of.try_into().unwrap();
        list.operator = SchemeOperator {
            name: name.clone(),
            information_url: url.clone(),
            contact_url: contact.clone(),
            street_address: street.clone(),
            locality: locality.clone(),
            scheme_name: scheme.clone(),
            ..list.operator
        };
        list.provider_name = provider.clone();
        list.provider_trade_name = trade.clone();
        list.services[0].name = service.clone();
        let xml = signed(&list);
        prop_assert_eq!(elements(&xml), *honest_elements());
        let document = Document::parse(&xml).unwrap();
        let names = texts(&document, "Name");
        let scheme = format!("EE:{scheme}");
        for text in [&name, &scheme, &provider, &trade, &service] {
            let text = as_read(text);
            prop_assert!(names.contains(&text.as_str()), "{text:?} {names:?}");
        }
        let uris = texts(&document, "URI");
        prop_assert!(uris.contains(&as_read(&url).as_str()));
        prop_assert!(uris.contains(&as_read(&contact).as_str()));
        prop_assert_eq!(texts(&document, "StreetAddress")[0], as_read(&street));
        prop_assert_eq!(texts(&document, "Locality")[0], as_read(&locality));
    }
}

#[test]
fn names_are_written_as_rfc_4514_escapes_them() {
    use crate::oids;
    let name = crate::x509::DistinguishedName::build(&[
        (oids::COMMON_NAME, " a,b+c\"d\\e<f>g;h=#i "),
        (oids::ORGANIZATIONAL_UNIT, "#\0"),
        (oids::SURNAME, "é"),
        (oids::COUNTRY, "EE"),
    ])
    .unwrap();
    assert_eq!(
        name::rfc4514(&name),
        "C=EE,2.5.4.4=#0c02c3a9,OU=\\#\\00,CN=\\ a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=#i\\ "
    );
}
