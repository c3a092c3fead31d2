use super::*;
use axum::{body::Body, http::Request};
use std::collections::HashMap;
use tower::ServiceExt;

const URL: &str = "http://127.0.0.1:8080";

async fn fetch(path: &str, accept_language: &str) -> Response {
    let request = Request::get(path)
        .header(header::ACCEPT_LANGUAGE, accept_language)
        .body(Body::empty())
        .unwrap();
    routes()
        .merge(demo_routes(URL))
        .oneshot(request)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_language_is_the_chosen_one_or_the_browsers() {
    for (path, accept_language, expected) in [
        ("/", "et-EE", "et"),
        ("/?lang=lt", "et-EE", "lt"),
        ("/?lang=xx", "et-EE", "et"),
        ("/?lang=", "fi", "en"),
    ] {
        let response = fetch(path, accept_language).await;
        assert_eq!(
            response.headers()[header::CONTENT_LANGUAGE],
            expected,
            "{path} {accept_language}"
        );
        assert_eq!(response.headers()[header::VARY], "accept-language");
    }
}

#[tokio::test]
async fn nothing_but_our_own_style_sheet_may_load() {
    let response = fetch("/", "en").await;
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(
        fetch("/style.css", "en").await.headers()[header::CONTENT_TYPE],
        "text/css; charset=utf-8"
    );
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    for language in Language::ALL {
        let page = welcome::render(language, URL);
        assert!(
            !page.contains("style=") && !page.contains("<script"),
            "{}",
            language.code()
        );
    }
}

/// R52, R53: whoever opens the link outside the app uses nothing up.
#[tokio::test]
async fn a_device_link_in_a_browser_shows_how_to_go_on_and_nothing_of_the_link() {
    let link = "/device-link?deviceLinkType=QR&elapsedSeconds=2&sessionToken=wGIrqveE6AuGDATZKmR1mtAZ&sessionType=auth\
         &version=1.0&lang=est&authCode=OY1eHaD4UYedrBwtqUbSkpa0w7ttm4FllPkCD_3wlE0";
    let response = fetch(link, "de").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_LANGUAGE], "de");
    assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let page = String::from_utf8(body.to_vec()).unwrap();
    assert!(page.contains(Language::German.texts().link_scan));
    for part in ["wGIrqveE6AuGDATZKmR1mtAZ", "OY1eHaD4", "sessionToken"] {
        assert!(!page.contains(part), "{part}");
    }
    for language in Language::ALL {
        assert!(!link::render(language).contains("<script"));
    }
}

#[test]
fn every_language_has_all_commands_and_addresses() {
    for language in Language::ALL {
        let page = welcome::render(language, URL);
        assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
        for needed in [
            "smart-id device register --url http://127.0.0.1:8080",
            "/smart-id-rp/v3/authentication/notification/etsi/",
            "/smart-id-rp/v3/signature/notification/etsi/",
            "smart-id tour --url",
            "etsi/PNOEE-50001029996",
            "/openapi/",
            "/mock/accounts",
            "00000000-0000-4000-8000-000000000000",
            "SK ID Solutions",
            "Cybernetica",
        ] {
            assert!(page.contains(needed), "{} lacks {needed}", language.code());
        }
        for other in Language::ALL {
            assert!(page.contains(&format!("href=\"/?lang={}\"", other.code())));
        }
    }
}

#[test]
fn no_sentence_was_left_untranslated() {
    let english = Language::English.texts();
    for language in Language::ALL
        .into_iter()
        .filter(|language| *language != Language::English)
    {
        let texts = language.texts();
        for (translated, original) in [
            (texts.lead, english.lead),
            (texts.notice, english.notice),
            (texts.data, english.data),
            (texts.program, english.program),
            (texts.register, english.register),
            (texts.log_in, english.log_in),
            (texts.approve, english.approve),
            (texts.sign, english.sign),
            (texts.tour, english.tour),
            (texts.advanced, english.advanced),
            (texts.accounts, english.accounts),
            (texts.rp_api_v2, english.rp_api_v2),
            (texts.openapi, english.openapi),
            (texts.mock, english.mock),
            (texts.link_title, english.link_title),
            (texts.link_lead, english.link_lead),
            (texts.link_unused, english.link_unused),
            (texts.link_scan, english.link_scan),
            (texts.link_command, english.link_command),
            (texts.certs_title, english.certs_title),
            (texts.certs_lead, english.certs_lead),
            (texts.certs_ocsp, english.certs_ocsp),
            (texts.certs_crl, english.certs_crl),
            (texts.certs_tsa, english.certs_tsa),
            (texts.certs_list, english.certs_list),
            (texts.certs_list_of_lists, english.certs_list_of_lists),
            (texts.policies_heading, english.policies_heading),
            (texts.policy_qualified, english.policy_qualified),
            (texts.policy_basic, english.policy_basic),
            (texts.policy_device, english.policy_device),
            (texts.policy_normalised_plus, english.policy_normalised_plus),
            (texts.policy_normalised, english.policy_normalised),
            (texts.policy_time_stamps, english.policy_time_stamps),
            (texts.practice_heading, english.practice_heading),
            (texts.practice_identity, english.practice_identity),
            (texts.practice_issuance, english.practice_issuance),
            (texts.practice_keys, english.practice_keys),
            (texts.practice_revocation, english.practice_revocation),
            (texts.practice_status, english.practice_status),
            (texts.practice_time, english.practice_time),
        ] {
            assert_ne!(translated, original, "{}", language.code());
        }
    }
}

/// Certificates that SK published; ours are of the same kinds.
fn publications(trusted_list: bool) -> certificates::Publications {
    let one = |name: &str, pem: &str| {
        let certificate = pki::x509::Certificate::parse_pem(pem).unwrap().remove(0);
        (name.to_owned(), certificate)
    };
    let root = include_str!("../../../../vectors/pki/ca-test-root-g1e.pem");
    let issuing = include_str!("../../../../vectors/pki/ca-test-eid-q-2024e.pem");
    let mut certificates = vec![one("root", root), one("eid-q", issuing)];
    if trusted_list {
        certificates.push(one("tsu", issuing));
    }
    certificates::Publications {
        certificates,
        policies: Some(["1.3.6.1.4.1.10015.17.2", "1.3.6.1.4.1.10015.17.1"].map(str::to_owned)),
        trusted_list,
    }
}

#[test]
fn what_the_authorities_publish_is_told_in_every_language() {
    for language in Language::ALL {
        let page = certificates::render(language, &publications(true));
        let texts = language.texts();
        for needed in [
            "href=\"/certs/root.crt\"",
            "href=\"/certs/eid-q.pem\"",
            "<code>/ocsp/eid-q</code>",
            "href=\"/crl/root.crl\"",
            "href=\"/crl/eid-q.crl\"",
            "<code>/tsa</code>",
            "href=\"/tl\"",
            "href=\"/tl/lotl\"",
            "TEST of SK ID Solutions EID-Q 2024E",
            "1.3.6.1.4.1.10015.17.2",
            "0.4.0.194112.1.2",
            texts.practice_revocation,
            "SK ID Solutions",
            "href=\"/certs?lang=et\"",
        ] {
            assert!(page.contains(needed), "{} lacks {needed}", language.code());
        }
        assert!(!page.contains("/ocsp/root") && !page.contains("<script"));
        // SHA-256 of the DER, as openssl x509 -fingerprint prints it but for the colons.
        let (_, certificate) = &publications(false).certificates[0];
        let fingerprint =
            hex::encode_upper(<sha2::Sha256 as sha2::Digest>::digest(certificate.der()));
        assert!(page.contains(&fingerprint));
    }
    let without = certificates::render(Language::English, &publications(false));
    assert!(!without.contains("/tl") && !without.contains("/tsa"));
}

/// WCAG 2.2 success criterion 1.4.3.
#[test]
fn text_has_enough_contrast_in_light_and_in_dark() {
    let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
    for scheme in [light, dark] {
        let colours = colours(scheme);
        for text in ["--ink", "--quiet", "--accent"] {
            for ground in ["--paper", "--panel"] {
                let contrast = contrast(colours[text], colours[ground]);
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast}");
            }
        }
    }
}

/// The first definition of each variable.
fn colours(css: &str) -> HashMap<&str, [u8; 3]> {
    let mut colours = HashMap::new();
    for line in css.lines() {
        let Some((name, value)) = line.trim().split_once(": #") else {
            continue;
        };
        let mut rgb = [0; 3];
        hex::decode_to_slice(value.trim_end_matches(';'), &mut rgb).unwrap();
        colours.entry(name).or_insert(rgb);
    }
    colours
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(rgb: [u8; 3]) -> f64 {
    let [red, green, blue] = rgb.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
