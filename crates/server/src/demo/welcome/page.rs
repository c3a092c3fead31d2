use super::language::Language;
use crate::demo::{
    commands_to_try as commands,
    relying_parties::{ADVANCED, ALIAS, DEMO},
};
use std::fmt::Write;

/// The whole page.
pub(super) fn render(language: Language, url: &str) -> String {
    let texts = language.texts();
    let mut page = Page(String::with_capacity(16 * 1024));
    page.raw(&format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        language.code()
    ));
    page.element("title", texts.title);
    page.raw("<link rel=\"stylesheet\" href=\"/demo/style.css\">\n</head>\n<body>\n");
    page.languages(language, texts.languages);
    page.raw("<main>\n");
    page.element("h1", texts.title);
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
    page.step(texts.tour, &[commands::tour(url)]);
    page.raw("</ol>\n");

    page.element("h2", texts.addresses_heading);
    page.table(&[
        (link(&format!("{url}/smart-id-rp/v3"), None), texts.rp_api),
        (
            link(
                &format!("{url}/device/v1"),
                Some("/device/v1/configuration"),
            ),
            texts.device_api,
        ),
        (
            ["root", "eid-q", "eid-nq"]
                .map(|name| {
                    link(
                        &format!("/certs/{name}.pem"),
                        Some(&format!("/certs/{name}.pem")),
                    )
                })
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
    page.raw("</main>\n</body>\n</html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn text(&mut self, text: &str) {
        self.0.push_str(&escape(text));
    }

    fn element(&mut self, name: &str, text: &str) {
        writeln!(self.0, "<{name}>{}</{name}>", escape(text)).expect("a string takes all text");
    }

    fn languages(&mut self, current: Language, label: &str) {
        self.raw(&format!("<nav aria-label=\"{}\">\n<ul>\n", escape(label)));
        for language in Language::ALL {
            let (code, name) = (language.code(), escape(language.texts().language));
            let mark = if language == current {
                " aria-current=\"page\""
            } else {
                ""
            };
            self.raw(&format!("<li><a href=\"/?lang={code}\" lang=\"{code}\" hreflang=\"{code}\"{mark}>{name}</a></li>\n"));
        }
        self.raw("</ul>\n</nav>\n");
    }

    fn step(&mut self, text: &str, commands: &[String]) {
        self.raw("<li>");
        self.text(text);
        for command in commands {
            self.raw(&format!("\n<pre><code>{}</code></pre>", escape(command)));
        }
        self.raw("</li>\n");
    }

    /// First column HTML, second text.
    fn table(&mut self, rows: &[(String, &str)]) {
        self.raw("<table>\n");
        for (what, text) in rows {
            self.raw(&format!(
                "<tr><th scope=\"row\">{what}</th><td>{}</td></tr>\n",
                escape(text)
            ));
        }
        self.raw("</table>\n");
    }
}

fn link(text: &str, address: Option<&str>) -> String {
    let text = format!("<code>{}</code>", escape(text));
    match address {
        Some(address) => format!("<a href=\"{}\">{text}</a>", escape(address)),
        None => text,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
