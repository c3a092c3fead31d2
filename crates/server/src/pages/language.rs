use super::texts::{self, Texts};

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Estonian,
    Latvian,
    Lithuanian,
    Russian,
    Dutch,
    French,
    German,
}

impl Language {
    pub(super) const ALL: [Self; 8] = [
        Self::English,
        Self::Estonian,
        Self::Latvian,
        Self::Lithuanian,
        Self::Russian,
        Self::Dutch,
        Self::French,
        Self::German,
    ];

    /// The language with this code, also with a region behind it: `de-AT`.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        let primary = code.trim().split('-').next().unwrap_or("");
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The best of ours for an `Accept-Language` header (RFC 9110 §12.5.4); English if none is accepted.
    pub(super) fn accepted(header: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(Self::from_code) else {
                continue;
            };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
            let quality = weight.map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0));
            if quality > best.1 {
                best = (language, quality);
            }
        }
        best.0
    }

    /// ISO 639-1.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Estonian => "et",
            Self::Latvian => "lv",
            Self::Lithuanian => "lt",
            Self::Russian => "ru",
            Self::Dutch => "nl",
            Self::French => "fr",
            Self::German => "de",
        }
    }

    /// Its sentences.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &texts::ENGLISH,
            Self::Estonian => &texts::ESTONIAN,
            Self::Latvian => &texts::LATVIAN,
            Self::Lithuanian => &texts::LITHUANIAN,
            Self::Russian => &texts::RUSSIAN,
            Self::Dutch => &texts::DUTCH,
            Self::French => &texts::FRENCH,
            Self::German => &texts::GERMAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_quality_wins_and_the_first_of_equals() {
        for (header, expected) in [
            ("et-EE,et;q=0.9,en;q=0.8", Language::Estonian),
            ("fi, de;q=0.5, fr;q=0.7", Language::French),
            ("NL", Language::Dutch),
            ("lv;q=0, ru ; q=0.1", Language::Russian),
            ("lt,lv", Language::Lithuanian),
            ("fi", Language::English),
            ("*", Language::English),
            ("", Language::English),
            (";;q=,,", Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn codes_come_back_as_they_went() {
        for language in Language::ALL {
            assert_eq!(Language::from_code(language.code()), Some(language));
        }
        assert_eq!(Language::from_code("xx"), None);
    }
}
