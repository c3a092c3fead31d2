use super::{language::Language, page::Page};

/// Where a device link leads when no app takes it.
pub(super) fn render(language: Language) -> String {
    let texts = language.texts();
    let mut page = Page::begin(language, texts.link_title, "/device-link");
    page.element("p", texts.link_lead);
    page.raw("<section class=\"notice\">\n");
    page.element("p", texts.link_unused);
    page.raw("</section>\n");
    page.element("p", texts.link_scan);
    page.raw("<p class=\"quiet\">");
    page.text(texts.link_command);
    page.raw("</p>\n<pre><code>smart-id device scan &#39;LINK&#39;</code></pre>\n");
    page.end()
}
