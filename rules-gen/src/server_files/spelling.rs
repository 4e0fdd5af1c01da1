//! The notations of scalars in configuration files: URLs, durations and sizes in bytes.

/// Checks an HTTP URL.
pub(super) fn url(text: &str) -> Result<(), String> {
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| format!("{text:?} is not an address with http:// or https://"))?;
    if !["http", "https"].contains(&scheme.to_lowercase().as_str()) {
        return Err(format!("{scheme}:// is not one of http:// and https://"));
    }
    if host(rest).is_empty() {
        return Err(format!("{text:?} has no host"));
    }
    any_url(text)
}

/// Checks a URL as far as Go's parser does: it may be relative or of any kind.
pub(super) fn any_url(text: &str) -> Result<(), String> {
    if text.starts_with(':') || text.chars().any(|c| c.is_ascii_control()) {
        return Err(format!("{text:?} is not an address"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = host(rest);
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|_| !host.ends_with(']'));
        if host.contains([' ', '<', '>', '"'])
            || host.starts_with('[') != host.contains(']')
            || port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(format!("{host:?} is not a host"));
        }
    }
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if path.split('%').skip(1).any(|rest| !escape(rest)) {
        return Err(format!("{text:?} has a % that is not an escape: %25 is one"));
    }
    Ok(())
}

/// Returns the host and port of a URL without its scheme.
fn host(rest: &str) -> &str {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

/// Whether a text is one or several numbers with units, such as `1GB500MB`, or 0.
pub(super) fn is_bytes(text: &str) -> bool {
    are_numbers_with_units(text, |number, after| {
        let unit = after.trim_start_matches(['K', 'M', 'G', 'T', 'P', 'E']);
        let rest = unit.strip_prefix("iB").or_else(|| unit.strip_prefix('B'));
        rest.filter(|_| number.parse::<f64>().is_ok() && after.len() - unit.len() <= 1)
    })
}

/// Whether a text is a duration in Go's notation, such as `1.5s`.
pub(super) fn is_go_duration(text: &str) -> bool {
    are_numbers_with_units(text, |number, after| {
        let rest = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().find_map(|unit| after.strip_prefix(unit));
        rest.filter(|_| number.bytes().any(|b| b.is_ascii_digit()))
    })
}

/// Whether a text is 0 or numbers with units. `rest` gets a number and the text behind it, and returns the text behind
/// the unit, or `None` if number or unit is invalid.
fn are_numbers_with_units<'a>(text: &'a str, rest: impl Fn(&'a str, &'a str) -> Option<&'a str>) -> bool {
    let mut text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text == "0" {
        return true;
    }
    let is_empty = text.is_empty();
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, after) = text.split_at(end);
        let Some(behind) = rest(number, after) else { return false };
        text = behind;
    }
    !is_empty
}

/// Whether Prometheus watches files of this name for targets: JSON or YAML, with at most one `*`, which is in the file
/// name.
pub(super) fn is_watched_file(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let known = ["json", "yml", "yaml", "JSON", "YML", "YAML"].contains(&ending);
    known && stem.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit() {
        for good in ["10MB", "1GiB", "1GB500MB", "0", "1.5KB", "7B"] {
            assert!(is_bytes(good), "{good}");
        }
        for bad in ["", "-", "+", "+-5MB", "5", "-5", "x", "30s", "10M", "MB", "10KKB"] {
            assert!(!is_bytes(bad), "{bad}");
        }
    }

    #[test]
    fn durations_and_urls_are_accepted_as_by_go() {
        for good in ["30s", "1h30m", "1.5s", "0", "100ms", "-5s"] {
            assert!(is_go_duration(good), "{good}");
        }
        for bad in ["", "-", "+-5s", "5", "1d", "s", "soon", "1h30"] {
            assert!(!is_go_duration(bad), "{bad}");
        }
        for good in ["http://a", "https://a.b:9/c?d#e", "http://u:p@h/", "http://[::1]:9093/", "HTTP://a"] {
            assert_eq!(url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "ftp://a",
            "http://",
            "http:///x",
            "not a url",
            "http://a:b/",
            "://a",
            "http://h/%zz",
            "http://[::1",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
        for good in ["", "a b", "/path", "socks5://a:1", "http://h/%20?%zz"] {
            assert_eq!(any_url(good), Ok(()), "{good}");
        }
        for bad in ["::", ":x", "http://a:b/", "a%"] {
            assert!(any_url(bad).is_err(), "{bad}");
        }
    }
}
