//! Host names, RFC 1123.
use std::net::IpAddr;

/// True when `text` can be the name of a host: labels of letters, digits and inner hyphens, at most 63 characters each
/// and 253 together. What looks like a mistyped address (`10.0.0.256`, `10.0.0.1-x`) is none.
pub fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let like_address = text.split('-').next().is_some_and(|start| start.parse::<IpAddr>().is_ok())
        || text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && !like_address && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_host_name;

    #[test]
    fn names_are_names() {
        for good in ["localhost", "example.org", "a-1.B2.example", "1and1.example", "xn--bcher-kva.example"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in
            ["", ".", "a..b", "-a.example", "a-.example", "a_b", "10.0.0.256", "10.0.0.1-x", "::1", "a/24", &long]
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
