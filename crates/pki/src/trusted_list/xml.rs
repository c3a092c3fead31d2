//! XML that is written in its canonical form (Exclusive XML Canonicalization 1.0), so that what is digested is what stands
//! in the document. There is no reader here.

/// A namespace prefix that lists use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// The trusted list's, without prefix.
    List,
    /// Additional types of pointers.
    Additional,
    /// Qualifications.
    Qualification,
    Xades,
    Signature,
}

/// An element.
#[derive(Debug, Clone)]
pub(super) struct Element {
    prefix: Prefix,
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Element(Element),
    Text(String),
}

/// An element of the list's own namespace.
pub(super) fn element(name: &'static str) -> Element {
    Element::new(Prefix::List, name)
}

impl Element {
    pub(super) fn new(prefix: Prefix, name: &'static str) -> Self {
        Self {
            prefix,
            name,
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// `name`: without prefix, or `xml:lang`.
    pub(super) fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        // Canonical order: without namespace first, then by name.
        self.attributes
            .sort_by_key(|(name, _)| (name.contains(':'), *name));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children
            .extend(children.into_iter().map(Node::Element));
        self
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// The canonical form of this element as the apex of what is digested, or of a document.
    pub(super) fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &mut Vec::new());
        out
    }

    /// `declared`: the namespaces that elements around this one have declared. Each prefix means the same everywhere.
    fn write(&self, out: &mut String, declared: &mut Vec<Prefix>) {
        let before = declared.len();
        out.push('<');
        self.write_name(out);
        // Exclusive canonicalisation declares a namespace where it is used first (§3, "visibly utilized").
        if !declared.contains(&self.prefix) {
            declared.push(self.prefix);
            let (prefix, uri) = self.prefix.declaration();
            write_attribute(out, prefix, uri);
        }
        for (name, value) in &self.attributes {
            write_attribute(out, name, value);
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(out, declared),
                Node::Text(text) => write_text(out, text),
            }
        }
        out.push_str("</");
        self.write_name(out);
        out.push('>');
        declared.truncate(before);
    }

    fn write_name(&self, out: &mut String) {
        if let Some((_, prefix)) = self.prefix.declaration().0.split_once(':') {
            out.push_str(prefix);
            out.push(':');
        }
        out.push_str(self.name);
    }
}

impl Prefix {
    /// The attribute that declares it, and its URI.
    fn declaration(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("xmlns", "http://uri.etsi.org/02231/v2#"),
            Self::Additional => (
                "xmlns:tslx",
                "http://uri.etsi.org/02231/v2/additionaltypes#",
            ),
            Self::Qualification => (
                "xmlns:sie",
                "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#",
            ),
            Self::Xades => ("xmlns:xades", "http://uri.etsi.org/01903/v1.3.2#"),
            Self::Signature => ("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#"),
        }
    }
}

/// Canonical XML 1.0 §2.3, attribute nodes.
fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for character in value.chars().map(permitted) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Canonical XML 1.0 §2.3, text nodes.
fn write_text(out: &mut String, text: &str) {
    for character in text.chars().map(permitted) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

/// XML 1.0 §2.2: some characters cannot stand in a document, not even escaped. They become U+FFFD.
fn permitted(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'.. => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}
