//! The formats of the exposition, and content negotiation.
//!
//! The choice follows `expfmt.NegotiateIncludingOpenMetrics` of Prometheus' Go library: the alternatives of `Accept`
//! are sorted by weight, and the first supported one is taken. Names of metrics and labels are plain ASCII in every
//! format, so the output fulfils every `escaping=` of Prometheus 3; the parameter is only repeated in the response.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue};
use std::cmp::Reverse;

/// A format of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// The text format of `OpenMetrics`, version 1.0.0.
    OpenMetrics,
    /// Prometheus' protocol buffers, delimited: the only one with native histograms.
    Protobuf,
}

/// A compression of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The result of the negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub format: Format,
    pub encoding: Encoding,
    /// The escaping scheme for names beyond ASCII that the client asked for, if it is one that Prometheus knows.
    escaping: Option<&'static str>,
}

/// The escaping schemes of Prometheus 3.
const ESCAPING: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];

impl Format {
    /// Returns the media type without an escaping scheme.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

impl Encoding {
    /// Returns the value of `Content-Encoding`; `None` without a compression.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

impl Accepted {
    /// Negotiates by the headers of a request. A client that accepts none of the formats gets the text format.
    pub fn by(headers: &HeaderMap) -> Self {
        let mut offers = Offer::all(headers, &ACCEPT);
        // The sort is stable: of equal weights the first alternative wins.
        offers.sort_by_key(|offer| Reverse(offer.weight));
        let chosen = offers.iter().filter(|offer| offer.weight > 0).find_map(|offer| Some((offer.format()?, offer)));
        let (format, escaping) = chosen.map_or((Format::Text, None), |(format, offer)| (format, offer.escaping()));
        Self { format, encoding: encoding(headers), escaping }
    }

    /// Returns the same format without compression, for a body that is used only once.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self { encoding: Encoding::Identity, ..self }
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type(&self) -> HeaderValue {
        let plain = HeaderValue::from_static(self.format.content_type());
        let Some(scheme) = self.escaping else { return plain };
        HeaderValue::try_from(format!("{}; escaping={scheme}", self.format.content_type())).unwrap_or(plain)
    }
}

/// Chooses the compression. Zstandard is preferred over gzip if both have the same weight.
fn encoding(headers: &HeaderMap) -> Encoding {
    let offers = Offer::all(headers, &ACCEPT_ENCODING);
    let weight = |name: &str| offers.iter().find(|offer| offer.name == name).map_or(0, |offer| offer.weight);
    match (weight("zstd"), weight("gzip")) {
        (zstd, gzip) if zstd > 0 && zstd >= gzip => Encoding::Zstd,
        (_, gzip) if gzip > 0 => Encoding::Gzip,
        _ => Encoding::Identity,
    }
}

/// One alternative of an `Accept` or `Accept-Encoding` header. The weight (`q=`) is in thousandths.
#[derive(Debug)]
struct Offer {
    name: String,
    parameters: Vec<(String, String)>,
    weight: u16,
}

impl Offer {
    fn all(headers: &HeaderMap, name: &HeaderName) -> Vec<Self> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(Self::parse).collect()
    }

    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let pair = |part: String| {
            let (key, value) = part.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        };
        let parameters: Vec<(String, String)> = parts.filter_map(pair).collect();
        let quality = parameters.iter().find(|(key, _)| key == "q").map(|(_, value)| value.parse::<f64>());
        // A weight that is not a number counts as 1, as if it were absent.
        let quality = quality.and_then(Result::ok).unwrap_or(1.0).clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let weight = (quality * 1_000.0).round() as u16;
        Self { name, parameters, weight }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the supported format that the alternative names.
    fn format(&self) -> Option<Format> {
        let version = self.parameter("version");
        match self.name.as_str() {
            "application/vnd.google.protobuf"
                if self.parameter("proto") == Some("io.prometheus.client.metricfamily")
                    && self.parameter("encoding") == Some("delimited") =>
            {
                Some(Format::Protobuf)
            }
            // Servers that ask for version 0.0.1 can read 1.0.0 as well.
            "application/openmetrics-text" if matches!(version, None | Some("0.0.1" | "1.0.0")) => {
                Some(Format::OpenMetrics)
            }
            // Version 1.0.0 differs from 0.0.4 only in quoted names, which the exporter does not have.
            "text/plain" if matches!(version, None | Some("0.0.4" | "1.0.0")) => Some(Format::Text),
            "text/*" | "*/*" => Some(Format::Text),
            _ => None,
        }
    }

    fn escaping(&self) -> Option<&'static str> {
        let scheme = self.parameter("escaping")?;
        ESCAPING.into_iter().find(|known| *known == scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: HeaderName, value: &'static str) -> Accepted {
        Accepted::by(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))]))
    }

    #[test]
    fn the_exposition_format_is_negotiated_by_the_accept_header() {
        for (accept, format, escaping) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
                "",
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::Protobuf,
                "",
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Format::Protobuf,
                "",
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
                "; escaping=allow-utf-8",
            ),
            ("text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2", Format::Text, "; escaping=underscores"),
            ("application/openmetrics-text;version=1.0.0;escaping=<script>", Format::OpenMetrics, ""),
            ("application/vnd.google.protobuf;proto=other;encoding=delimited, text/plain;q=0.1", Format::Text, ""),
            ("application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4;q=0.1", Format::Text, ""),
            ("application/openmetrics-text;q=0", Format::Text, ""),
            ("*/*", Format::Text, ""),
            ("text/html", Format::Text, ""),
        ] {
            let accepted = of(ACCEPT, accept);
            let content_type = accepted.content_type();
            assert_eq!(accepted.format, format, "{accept}");
            assert_eq!(content_type.to_str().unwrap(), format!("{}{escaping}", format.content_type()), "{accept}");
        }
        assert_eq!(Accepted::by(&HeaderMap::new()).format, Format::Text);
    }

    #[test]
    fn the_preferred_compression_is_used_and_none_when_refused() {
        for (accept, encoding) in [
            ("gzip", Encoding::Gzip),
            ("gzip, zstd", Encoding::Zstd),
            ("zstd;q=0.1, gzip", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("br", Encoding::Identity),
        ] {
            assert_eq!(of(ACCEPT_ENCODING, accept).encoding, encoding, "{accept}");
        }
    }
}
