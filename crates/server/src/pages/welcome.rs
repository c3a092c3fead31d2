use super::{
    language::Language,
    page::{Page, link},
};
use crate::demo::{ADVANCED, ALIAS, DEMO, commands_to_try as commands};

/// The whole page.
pub(super) fn render(language: Language, url: &str) -> String {
    let texts = language.texts();
    let mut page = Page::begin(language, texts.title, "/");
    page.element("p", texts.lead);
    page.raw("<section class=\"notice\">\n");
    page.element("h2", texts.notice_heading);
    page.element("p", texts.notice);
    page.element("p", texts.data);
    page.raw("</section>\n");

    page.element("h2", texts.try_heading);
    page.raw("<p class=\"quiet\">");
    page.text(texts.program);
    page.raw("</p>\n<ol>\n");
    page.step(texts.register, &[commands::register(url)]);
    page.step(texts.log_in, &[commands::log_in(url)]);
    page.step(
        texts.approve,
        &[commands::approve_log_in(), commands::result(url)],
    );
    page.step(
        texts.sign,
        &[
            commands::sign(url),
            commands::approve_signature(),
            commands::result(url),
        ],
    );
    page.step(
        texts.accounts,
        &[commands::ask_test_account(url), commands::result(url)],
    );
    page.step(texts.tour, &[commands::tour(url)]);
    page.raw("</ol>\n");

    page.element("h2", texts.addresses_heading);
    page.table(&[
        (link(&format!("{url}/smart-id-rp/v3"), None), texts.rp_api),
        (
            link(&format!("{url}/smart-id-rp/v2"), None),
            texts.rp_api_v2,
        ),
        (link("/openapi/", Some("/openapi/")), texts.openapi),
        (link("/mock/accounts", Some("/mock/accounts")), texts.mock),
        (
            link(
                &format!("{url}/device/v1"),
                Some("/device/v1/configuration"),
            ),
            texts.device_api,
        ),
        (
            ["/certs", "/certs/root.pem"]
                .map(|path| link(path, Some(path)))
                .join(" "),
            texts.certificates,
        ),
        (link("/health/ready", Some("/health/ready")), texts.ready),
        (link("/metrics", Some("/metrics")), texts.metrics),
    ]);

    page.element("h2", texts.relying_parties_heading);
    page.table(&[
        (format!("DEMO<br><code>{DEMO}</code>"), texts.demo),
        (format!("DEMO<br><code>{ALIAS}</code>"), texts.alias),
        (
            format!("DEMO ADVANCED<br><code>{ADVANCED}</code>"),
            texts.advanced,
        ),
    ]);
    page.end()
}
