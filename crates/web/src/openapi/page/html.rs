//! Writing HTML: everything that is not markup of ours is escaped.

/// A page that is being written.
pub(super) struct Page(String);

impl Page {
    pub(super) fn start(title: &str) -> Self {
        let mut page = Self(String::with_capacity(64 * 1024));
        page.raw(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        );
        page.element("title", title);
        page.raw(
            "<link rel=\"stylesheet\" href=\"/openapi/style.css\">\n</head>\n<body>\n<main>\n",
        );
        page
    }

    pub(super) fn finish(mut self) -> String {
        self.raw("</main>\n</body>\n</html>\n");
        self.0
    }

    /// Markup of ours.
    pub(super) fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(&escape(text));
    }

    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.raw(&format!("<{name}>{}</{name}>\n", escape(text)));
    }

    pub(super) fn link(&mut self, address: &str, text: &str) {
        self.raw(&format!(
            "<a href=\"{}\">{}</a>",
            escape(address),
            escape(text)
        ));
    }

    /// A path that may be broken before each of its parts.
    pub(super) fn breakable(&mut self, path: &str) {
        self.raw(&escape(path).replace('/', "<wbr>/"));
    }

    /// Paragraphs and lists of our descriptions' Markdown.
    pub(super) fn prose(&mut self, markdown: &str) {
        for block in markdown.split("\n\n").filter(|block| !block.is_empty()) {
            if block.starts_with("* ") {
                self.raw("<ul>\n");
                for item in block.lines() {
                    self.raw("<li>");
                    self.marked(item.trim_start_matches("* "));
                    self.raw("</li>\n");
                }
                self.raw("</ul>\n");
            } else {
                self.raw("<p>");
                self.marked(block);
                self.raw("</p>\n");
            }
        }
    }

    /// A line with `code` and **emphasis**.
    pub(super) fn marked(&mut self, markdown: &str) {
        for (number, part) in markdown.split('`').enumerate() {
            if number % 2 == 1 {
                self.raw("<code>");
                self.text(part);
                self.raw("</code>");
                continue;
            }
            for (number, part) in part.split("**").enumerate() {
                let strong = number % 2 == 1;
                self.raw(if strong { "<strong>" } else { "" });
                self.text(part);
                self.raw(if strong { "</strong>" } else { "" });
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(markdown: &str) -> String {
        let mut page = Page(String::new());
        page.prose(markdown);
        page.0
    }

    #[test]
    fn marks_become_elements_and_the_rest_is_escaped() {
        assert_eq!(
            prose("**A** `<b>` & c\n\n* one\n* `two`"),
            "<p><strong>A</strong> <code>&lt;b&gt;</code> &amp; c</p>\n\
             <ul>\n<li>one</li>\n<li><code>two</code></li>\n</ul>\n"
        );
        assert_eq!(prose(""), "");
    }
}
