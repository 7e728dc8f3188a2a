//! The gateway of this state dir: which address it takes, who holds the port, whether it answers, what lets people in, and its keys.

use std::net::{Ipv4Addr, TcpListener};

use chela_config::{Environment, Loaded};
use chela_gateway::Bind;
use chela_gateway::config::Config;
use chela_llm::Vendor;
use chela_store::{InstanceInfo, InstanceLock};
use serde_json::Value;

use super::{Finding, Fix, Level, remote};
use crate::context::Context;
use crate::output::{ago, now_ms};
use crate::target;

/// A secret that is shorter can be found by trying, sooner or later.
const SECRET_MIN: usize = 16;

pub(super) fn findings(loaded: &Loaded, environment: &Environment, context: &Context, fix: Fix) -> Vec<Finding> {
    let holder = InstanceLock::holder(&context.places.state_dir);
    let mut findings = vec![address(loaded, environment, context, fix)];
    findings.extend(out_of_reach(loaded, environment, holder.as_ref()));
    findings.extend(doors(loaded, environment));
    if let Some(holder) = holder {
        let place = holder.address.as_deref().unwrap_or("an address that it has not told yet");
        let since = ago(holder.started_at_ms, now_ms());
        let message = format!("process {} runs on this state dir at {place}, started {since}", holder.pid);
        findings.push(Finding::ok("gateway.running", message));
        findings.extend(remote::findings(context));
    } else {
        findings.push(Finding::ok("gateway.none", "none runs on this state dir"));
        findings.push(port(target::port(&context.global, environment, loaded)));
    }
    findings.push(keys(loaded, environment));
    findings
}

/// Where it listens, and whether that address needs a secret that is not there.
fn address(loaded: &Loaded, environment: &Environment, context: &Context, fix: Fix) -> Finding {
    let bind = match chela_gateway::asked_bind(None, environment, &Config::read(loaded).0) {
        Ok(bind) => bind,
        Err(error) => {
            return Finding::error("address.wrong", error.to_string(), "unset it, or give it one of these values");
        }
    };
    let asked = asked(loaded, environment);
    let chosen = ["TOKEN", "PASSWORD"].iter().any(|name| environment.gateway(&format!("GATEWAY_{name}")).is_some())
        || ["gateway.auth.token", "gateway.auth.password"].iter().any(|path| loaded.get(path).is_some());
    match bind {
        Bind::Loopback => Finding::ok("address.loopback", format!("this machine only ({asked})")),
        Bind::Auto if chosen => {
            Finding::ok("address.auto", format!("{asked}: all addresses in a container, else this machine only"))
        }
        Bind::Auto => {
            Finding::ok("address.auto", format!("{asked}, and no token or password was chosen: this machine only"))
        }
        Bind::Lan | Bind::Tailnet | Bind::Custom if chosen || target::has_made_token(&context.places) => {
            Finding::ok("address.protected", format!("{asked}, with a token or password"))
        }
        Bind::Lan | Bind::Tailnet | Bind::Custom => {
            if fix == Fix::Mend
                && let Ok(file) = chela_gateway::make_token(&context.places.state_dir)
            {
                return Finding::mended("address.unprotected", format!("{} holds a token now", file.display()));
            }
            Finding::warning(
                "address.unprotected",
                format!("{asked}, and no token or password is set: off loopback the start is refused"),
                "set CHELA_GATEWAY_TOKEN, or chela config set gateway.auth.token -, or let chela doctor --fix make one",
            )
            .fixable()
        }
    }
}

/// Who says what to bind.
fn asked(loaded: &Loaded, environment: &Environment) -> String {
    match (environment.gateway("GATEWAY_BIND"), loaded.get("gateway.bind").and_then(Value::as_str)) {
        (Some(text), _) => format!("CHELA_GATEWAY_BIND is {}", text.trim()),
        (None, Some(text)) => format!("gateway.bind is {text}"),
        (None, None) => "gateway.bind is not set".to_owned(),
    }
}

/// In a container, what listens on loopback is reached by nobody: the platform says that the app is not listening.
fn out_of_reach(loaded: &Loaded, environment: &Environment, holder: Option<&InstanceInfo>) -> Option<Finding> {
    if !chela_gateway::in_container(environment) {
        return None;
    }
    let mend = "add --bind lan to the gateway's command, for example: chela gateway --allow-unconfigured --port 3000 --bind lan";
    let Some(address) = holder.and_then(|holder| holder.address.as_deref()) else {
        // The command that starts it, which may say more, can't be seen from here.
        let bind = chela_gateway::asked_bind(None, environment, &Config::read(loaded).0).ok()?;
        return (bind == Bind::Loopback && holder.is_none()).then(|| {
            let message = "in a container, a start without --bind lan listens where the platform can't reach it";
            Finding::ok("address.container", message)
        });
    };
    let (host, port) = address.strip_prefix("ws://").unwrap_or(address).rsplit_once(':')?;
    let is_hosted = ["FLY_APP_NAME", "KUBERNETES_SERVICE_HOST"].iter().any(|name| environment.get(name).is_some());
    Some(if matches!(host, "127.0.0.1" | "[::1]") {
        let message = format!("in a container, and listening on {address} only: what is outside can't reach it");
        // Elsewhere than on a platform, those who use it may well be in the container too.
        let told = Finding::warning("address.unreachable", message, mend);
        if is_hosted { Finding { level: Level::Error, ..told } } else { told }
    } else {
        Finding::ok("address.container", format!("the platform has to send its requests to port {port}"))
    })
}

/// Settings that let in more people than somebody may expect.
fn doors(loaded: &Loaded, environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    let texts = |path: &str| -> Vec<String> {
        let listed = loaded.get(path).and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
    };
    let everybody = texts("gateway.trustedProxies").into_iter().find(|entry| entry.trim().ends_with("/0"));
    if let Some(entry) = everybody {
        let message = format!("gateway.trustedProxies holds {entry}: anybody may say who they are");
        findings.push(Finding::warning("access.proxies", message, "list the addresses of your proxies only"));
    }
    if texts("gateway.controlUi.allowedOrigins").iter().any(|origin| origin.trim() == "*") {
        let message = "gateway.controlUi.allowedOrigins holds *: any web page that you open may talk to the gateway";
        findings.push(Finding::warning("access.origins", message, "list the addresses of your own pages"));
    }
    if loaded.get("gateway.auth.mode").and_then(Value::as_str) == Some("none") {
        let message = "gateway.auth.mode is none: every program of this machine is let in";
        findings.push(Finding::warning("access.none", message, "chela config unset gateway.auth.mode"));
    }
    let written = |path: &str| loaded.get(path).and_then(Value::as_str).map(str::to_owned);
    for (name, variable, path) in
        [("token", "GATEWAY_TOKEN", "gateway.auth.token"), ("password", "GATEWAY_PASSWORD", "gateway.auth.password")]
    {
        let secret = environment.gateway(variable).map(str::to_owned).or_else(|| written(path));
        if secret.is_some_and(|secret| secret.trim().chars().count() < SECRET_MIN) {
            let message = format!("the gateway's {name} is shorter than {SECRET_MIN} characters");
            findings.push(Finding::warning("access.weak", message, "use the output of: openssl rand -hex 32"));
        }
    }
    findings
}

fn port(port: u16) -> Finding {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Finding::ok("port.free", format!("{port} is free")),
        Err(error) => Finding::error(
            "port.taken",
            format!("{port} can't be used: {error}"),
            "stop the other program, or chela config set gateway.port <another>",
        )
        .seen_by(chela_gateway::port_owner(port).map(|owner| format!("held by {owner}"))),
    }
}

/// Which vendors have a key, by name only.
fn keys(loaded: &Loaded, environment: &Environment) -> Finding {
    let written = |id: &str| loaded.get(&format!("models.providers.{id}.apiKey")).is_some();
    let in_environment = |vendor: &Vendor| vendor.key_vars.iter().any(|name| environment.get(name).is_some());
    let with_key = chela_llm::vendors().iter().filter(|vendor| in_environment(vendor) || written(vendor.id));
    let added = loaded.get("models.providers").and_then(Value::as_object).into_iter().flatten();
    let added = added.map(|(id, _)| id.as_str()).filter(|id| chela_llm::vendor(id).is_none());
    let names: Vec<&str> = with_key.map(|vendor| vendor.name).chain(added).collect();
    if !names.is_empty() {
        return Finding::ok("keys.found", format!("found for {}", names.join(", ")));
    }
    Finding::warning(
        "keys.missing",
        "no model key is set, so the built-in guide answers",
        "export ANTHROPIC_API_KEY=… before the start, or chela config set models.providers.anthropic.apiKey -",
    )
}
