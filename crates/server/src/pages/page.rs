use super::language::Language;
use std::fmt::Write;

/// A page in the making.
pub(super) struct Page(String);

impl Page {
    /// Up to the heading. `path` is where the page is in other languages.
    pub(super) fn begin(language: Language, title: &str, path: &str) -> Self {
        let mut page = Self(String::with_capacity(16 * 1024));
        page.raw(&format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            language.code()
        ));
        page.element("title", title);
        page.raw("<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n");
        page.languages(language, path);
        page.raw("<main>\n");
        page.element("h1", title);
        page
    }

    pub(super) fn end(mut self) -> String {
        self.raw("</main>\n</body>\n</html>\n");
        self.0
    }

    pub(super) fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(&escape(text));
    }

    pub(super) fn element(&mut self, name: &str, text: &str) {
        writeln!(self.0, "<{name}>{}</{name}>", escape(text)).expect("a string takes all text");
    }

    fn languages(&mut self, current: Language, path: &str) {
        let label = current.texts().languages;
        self.raw(&format!("<nav aria-label=\"{}\">\n<ul>\n", escape(label)));
        for language in Language::ALL {
            let (code, name) = (language.code(), escape(language.texts().language));
            let mark = if language == current {
                " aria-current=\"page\""
            } else {
                ""
            };
            self.raw(&format!("<li><a href=\"{path}?lang={code}\" lang=\"{code}\" hreflang=\"{code}\"{mark}>{name}</a></li>\n"));
        }
        self.raw("</ul>\n</nav>\n");
    }

    pub(super) fn step(&mut self, text: &str, commands: &[String]) {
        self.raw("<li>");
        self.text(text);
        for command in commands {
            self.raw(&format!("\n<pre><code>{}</code></pre>", escape(command)));
        }
        self.raw("</li>\n");
    }

    /// First column HTML, second text.
    pub(super) fn table(&mut self, rows: &[(String, &str)]) {
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

pub(super) fn link(text: &str, address: Option<&str>) -> String {
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
