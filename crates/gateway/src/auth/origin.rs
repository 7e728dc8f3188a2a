//! Which web pages may talk to the gateway: the check of Origin and Host against foreign sites and DNS rebinding.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// Names under which the gateway knows itself, and origins that the user allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct OriginRules {
    /// Lowercase host names.
    own_names: Vec<String>,
    /// Lowercase `scheme://host[:port]`, or `*`.
    allowed: Vec<String>,
}

impl OriginRules {
    /// `own_names`: the machine's host name, `<app>.fly.dev` and the like.
    pub(crate) fn new(own_names: Vec<String>, allowed_origins: &[String]) -> Self {
        let allowed: Vec<String> =
            allowed_origins.iter().map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase()).collect();
        let own_names = own_names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { own_names, allowed }
    }

    /// Whether the request may come from where it says. A request without Origin is no page's (or a page's plain GET).
    /// The error says why not.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let Some(origin) = headers.get("origin") else {
            return Ok(());
        };
        let origin = origin.to_str().map_err(|_| "unreadable origin")?.to_ascii_lowercase();
        if self.allowed.iter().any(|allowed| allowed == "*" || *allowed == origin) {
            return Ok(());
        }
        let (scheme, authority) = origin.split_once("://").ok_or("opaque origin")?;
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let same_site = without_default_port(authority, scheme) == without_default_port(&host, scheme);
        let both_local = is_loopback_name(host_name(authority)) && is_loopback_name(host_name(&host));
        match (same_site || both_local, self.is_own(host_name(&host))) {
            (true, true) => Ok(()),
            (true, false) => Err("host not allowed"),
            (false, _) => Err("origin not allowed"),
        }
    }

    /// Whether Host is a name of ours. An IP address is: a foreign site can only make a *name* of its own point here.
    pub(crate) fn host_is_own(&self, headers: &HeaderMap) -> bool {
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        self.is_own(host_name(&host.to_ascii_lowercase()))
    }

    fn is_own(&self, name: &str) -> bool {
        is_loopback_name(name)
            || name.parse::<IpAddr>().is_ok()
            || self.own_names.iter().any(|own| own == name)
            || self.allowed.iter().any(|origin| origin.split_once("://").is_some_and(|(_, at)| host_name(at) == name))
    }
}

fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The name in `name:port` or `[v6]:port`, without brackets.
pub(crate) fn host_name(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    authority.rsplit_once(':').map_or(authority, |(name, _)| name).trim_end_matches('.')
}

fn without_default_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `origin`, `host`, and whether it may pass.
    const TABLE: &[(&str, &str, bool)] = &[
        ("http://127.0.0.1:18789", "127.0.0.1:18789", true),
        ("http://localhost:18789", "127.0.0.1:18789", true),
        ("http://localhost:5173", "localhost:18789", true),
        ("http://[::1]:18789", "[::1]:18789", true),
        ("http://192.168.1.5:18789", "192.168.1.5:18789", true),
        ("https://my-app.fly.dev", "my-app.fly.dev", true),
        ("https://MY-APP.fly.dev", "my-app.fly.dev:443", true),
        ("https://chat.example.org", "my-app.fly.dev", true),
        ("https://chat.example.org", "chat.example.org", true),
        ("https://evil.example", "127.0.0.1:18789", false),
        ("http://evil.example:18789", "evil.example:18789", false),
        ("https://other.fly.dev", "other.fly.dev", false),
        ("https://my-app.fly.dev.evil.example", "my-app.fly.dev", false),
        ("http://127.0.0.1.evil.example", "127.0.0.1:18789", false),
        ("null", "127.0.0.1:18789", false),
        ("http://192.168.1.6:18789", "192.168.1.5:18789", false),
    ];

    #[test]
    fn g19_only_own_and_allowed_pages_may_connect() {
        let rules = OriginRules::new(vec!["my-app.fly.dev".into()], &["https://chat.example.org/".into()]);
        for (origin, host, passes) in TABLE {
            let headers = [("origin", *origin), ("host", *host)];
            let headers: HeaderMap =
                headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            assert_eq!(rules.check(&headers).is_ok(), *passes, "origin {origin}, host {host}");
        }
        assert!(rules.check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_star_allows_every_page() {
        let rules = OriginRules::new(Vec::new(), &["*".into()]);
        let headers = [("origin".parse().unwrap(), "https://any.example".parse().unwrap())].into_iter().collect();
        assert!(rules.check(&headers).is_ok());
    }
}
