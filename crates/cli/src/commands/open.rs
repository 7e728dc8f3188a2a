//! `chela open`: a link to the page that logs one browser in, once.

use std::process::ExitCode;

use chela_protocol::methods::devices::DeviceLinkResult;
use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {}

pub(crate) fn run(_args: OpenArgs, context: &Context) -> Outcome {
    let target = context.target()?;
    // From within a machine at Fly, the page stands at the app's own name.
    let app = context.environment.get("FLY_APP_NAME").filter(|_| target.source.is_local());
    let page = app.map_or_else(|| page_of(&target.url), |app| format!("https://{app}.fly.dev/"));
    let value = context.ask("device.link.create", json!({}))?;
    let link: DeviceLinkResult = decode("device.link.create", value)?;
    let url = format!("{page}#link={}", link.token);
    if context.output.json {
        context.output.document(&json!({ "url": url, "expiresAtMs": link.expires_at_ms }));
        return Ok(ExitCode::SUCCESS);
    }
    let left = u64::try_from(link.expires_at_ms - output::now_ms()).unwrap_or_default();
    context.output.note(format!("this link logs one browser in, within {}:", output::duration(left)));
    context.output.line(url);
    Ok(ExitCode::SUCCESS)
}

/// Where a browser finds the page of the gateway that a socket's address names.
fn page_of(url: &str) -> String {
    let page = url.replacen("ws", "http", 1);
    let end = page.find("://").and_then(|scheme| page[scheme + 3..].find('/').map(|slash| scheme + 3 + slash));
    format!("{}/", &page[..end.unwrap_or(page.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_where_the_socket_does() {
        assert_eq!(page_of("ws://127.0.0.1:18789"), "http://127.0.0.1:18789/");
        assert_eq!(page_of("wss://my-chela.fly.dev/ws?x=1"), "https://my-chela.fly.dev/");
    }
}
