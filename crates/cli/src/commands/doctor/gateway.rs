//! The gateway: who holds the lock and the port, which address it would take, whether it answers, and which keys it has.

use std::net::{Ipv4Addr, TcpListener};

use chela_config::{Environment, Loaded};
use chela_gateway::Bind;
use chela_gateway::config::Config;
use chela_llm::Vendor;
use chela_store::InstanceLock;
use serde_json::{Value, json};

use super::Finding;
use crate::context::Context;
use crate::output::{ago, now_ms};
use crate::target;

const CHECK: &str = "gateway";

pub(super) fn findings(loaded: &Loaded, environment: &Environment, context: &Context) -> Vec<Finding> {
    let mut findings = vec![address(loaded, environment, context)];
    if let Some(holder) = InstanceLock::holder(&context.places.state_dir) {
        let place = holder.address.as_deref().unwrap_or("an address that it has not told yet");
        let since = ago(holder.started_at_ms, now_ms());
        let message = format!("process {} runs on this state dir at {place}, started {since}", holder.pid);
        findings.push(Finding::ok(CHECK, message));
        findings.push(answers(context));
    } else {
        findings.push(Finding::ok(CHECK, "none runs on this state dir"));
        findings.extend(port_is_free(target::port(&context.global, environment, loaded)));
    }
    findings.push(keys(loaded, environment));
    findings
}

/// Where it listens, and whether that address needs a secret that is not there.
fn address(loaded: &Loaded, environment: &Environment, context: &Context) -> Finding {
    const CHECK: &str = "address";
    let bind = match chela_gateway::asked_bind(None, environment, &Config::read(loaded).0) {
        Ok(bind) => bind,
        Err(error) => return Finding::error(CHECK, error.to_string(), "unset it, or give it one of these values"),
    };
    let asked = match environment.gateway("GATEWAY_BIND") {
        Some(text) => format!("CHELA_GATEWAY_BIND is {}", text.trim()),
        None => match loaded.get("gateway.bind").and_then(Value::as_str) {
            Some(text) => format!("gateway.bind is {text}"),
            None => "gateway.bind is not set".to_owned(),
        },
    };
    let chosen = ["TOKEN", "PASSWORD"].iter().any(|name| environment.gateway(&format!("GATEWAY_{name}")).is_some())
        || ["gateway.auth.token", "gateway.auth.password"].iter().any(|path| loaded.get(path).is_some());
    match bind {
        Bind::Loopback => Finding::ok(CHECK, format!("this machine only ({asked})")),
        Bind::Auto if chosen => {
            Finding::ok(CHECK, format!("{asked}: all addresses in a container, else this machine only"))
        }
        Bind::Auto => Finding::ok(CHECK, format!("{asked}, and no token or password was chosen: this machine only")),
        Bind::Lan | Bind::Tailnet | Bind::Custom if chosen || target::has_made_token(&context.places) => {
            Finding::ok(CHECK, format!("{asked}, with a token or password"))
        }
        Bind::Lan | Bind::Tailnet | Bind::Custom => Finding::warning(
            CHECK,
            format!("{asked}, and no token or password is set: off loopback the start is refused"),
            "set CHELA_GATEWAY_TOKEN, or chela config set gateway.auth.token -",
        ),
    }
}

fn answers(context: &Context) -> Finding {
    let asked = context
        .target()
        .map(|target| target.url)
        .and_then(|url| context.ask("health", json!({})).map(|health| (url, health)));
    match asked {
        Ok((url, health)) if health["ok"] == true => Finding::ok(CHECK, format!("{url} answers and is well")),
        Ok((url, health)) => {
            let reasons = health["degraded"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let reasons: Vec<&str> = reasons.collect();
            Finding::warning(CHECK, format!("{url} answers: {}", reasons.join("; ")), "chela status")
        }
        Err(failure) => {
            Finding::error(CHECK, failure.message(), failure.next_step().unwrap_or("chela logs").to_owned())
        }
    }
}

fn port_is_free(port: u16) -> Option<Finding> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Some(Finding::ok("port", format!("{port} is free"))),
        Err(error) => Some(Finding::error(
            "port",
            format!("{port} can't be used: {error}"),
            "stop the other program, or chela config set gateway.port <another>",
        )),
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
        return Finding::ok("keys", format!("found for {}", names.join(", ")));
    }
    Finding::warning(
        "keys",
        "no model key is set, so the built-in guide answers",
        "export ANTHROPIC_API_KEY=… before the start, or chela config set models.providers.anthropic.apiKey -",
    )
}
