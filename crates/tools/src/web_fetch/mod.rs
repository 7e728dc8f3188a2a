//! `web_fetch`: a public page as text, marked as what it is: something that anybody may have written.

pub(crate) mod address;
pub(crate) mod client;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod measure;
mod page;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chela_agent::{
    CallRisk, Effect, ExecRule, Provenance, Risk, Source, Subject, Tool, ToolContext, ToolDefinition, ToolError,
    ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use url::Url;

use self::address::Names;
use self::client::{Fetched, Fetcher};
use self::page::{Kind, Page, Style};
use crate::args::{count, parse, refuse};
use crate::{FetchConfig, Kit, ToolHost};

/// Characters of a page that the model gets, about 5,000 tokens.
const CHARS_DEFAULT: usize = 20_000;
/// Most characters that a call or the configuration can ask for.
const CHARS_MOST: usize = 200_000;
/// Characters of an error: the longest part of it may be a server's own.
const ERROR_CHARS: usize = 2_000;
/// Calls at once: each holds its page several times over.
const CALLS_AT_ONCE: usize = 4;
/// Time to make a page readable; one that takes longer is refused.
const CONVERT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "url": {"type": "string"},
            "extractMode": {"type": "string", "enum": ["markdown", "text"]},
            "maxChars": {"type": "integer"},
        },
        "required": ["url"],
    })
}

pub(crate) struct WebFetch {
    definition: ToolDefinition,
    config: FetchConfig,
    host: ToolHost,
    rule: ExecRule,
    names: Names,
    /// Made at the first call: most runs of the gateway never fetch.
    fetcher: OnceLock<Fetcher>,
    calls: Arc<Semaphore>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Args {
    url: String,
    extract_mode: Option<ExtractMode>,
    #[serde(default, deserialize_with = "count")]
    max_chars: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExtractMode {
    Markdown,
    Text,
}

impl WebFetch {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self {
            definition,
            config: kit.config.web.fetch.clone(),
            host: kit.host.clone(),
            rule: kit.rule,
            names: Names::System,
            fetcher: OnceLock::new(),
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
        }
    }
}

impl Tool for WebFetch {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::External
    }

    fn risk(&self, args: &Value, _workspace: &Path) -> CallRisk {
        match parse::<Args>("web_fetch", args.clone()) {
            Ok(args) => {
                CallRisk { risk: Risk::Outbound, subject: Subject::Url(args.url.trim().to_owned()), rule: self.rule }
            }
            Err(_) => CallRisk::none(),
        }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("web_fetch", args)?;
            tokio::select! {
                biased;
                () = context.cancel.cancelled() => Err(ToolError::Aborted),
                output = self.run(args) => output.map_err(from_outside),
            }
        })
    }
}

/// An error may name where a redirect leads or what a server says of its page.
fn from_outside(error: ToolError) -> ToolError {
    match error {
        ToolError::ToModel(text) => {
            let text: String = text.chars().take(ERROR_CHARS).collect();
            ToolError::FromOutside { text, provenance: Provenance::new(Source::Web, "") }
        }
        other => other,
    }
}

impl WebFetch {
    async fn run(&self, args: Args) -> Result<ToolOutput, ToolError> {
        let permit = self.calls.clone().acquire_owned().await.map_err(|_| ToolError::Aborted)?;
        let url = Url::parse(args.url.trim()).map_err(|error| refuse(format!("`{}` is no URL: {error}.", args.url)))?;
        let fetched = self.fetcher()?.fetch(&url).await.map_err(|error| refuse(error.to_string()))?;
        if !fetched.status.is_success() {
            return Err(refuse(format!("`{}` answered {}.", fetched.url, fetched.status)));
        }
        let style = Style {
            readability: self.config.readability.unwrap_or(true),
            markdown: args.extract_mode != Some(ExtractMode::Text),
        };
        let page = timeout(CONVERT_TIMEOUT, readable(&fetched, style, permit))
            .await
            .map_err(|_| refuse(format!("`{}` takes too long to be made readable.", fetched.url)))??;
        let most = args.max_chars.and_then(|most| usize::try_from(most).ok()).or(self.config.max_chars);
        Ok(render(&url, &fetched, &page, most.unwrap_or(CHARS_DEFAULT).clamp(1, CHARS_MOST)))
    }

    fn fetcher(&self) -> Result<&Fetcher, ToolError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher);
        }
        let fetcher = Fetcher::new(&self.config, &self.host, self.names.clone())
            .map_err(|error| refuse(format!("web_fetch can't work: {error}.")))?;
        Ok(self.fetcher.get_or_init(|| fetcher))
    }
}

async fn readable(fetched: &Fetched, style: Style, permit: OwnedSemaphorePermit) -> Result<Page, ToolError> {
    let kind = page::kind(&fetched.content_type, &fetched.body);
    let text = page::decode(&fetched.content_type, &fetched.body, kind);
    match kind {
        Kind::Html => Ok(page::html(text, fetched.url.clone(), style, Some(permit)).await),
        Kind::Json => Ok(page::json(text)),
        Kind::Text => Ok(Page { title: None, text, extractor: "text" }),
        Kind::Binary => Err(refuse(format!(
            "`{}` is {}, not text. Use exec with curl to save it to a file.",
            fetched.url, fetched.content_type
        ))),
    }
}

/// The page with its address. It is marked as what it is by the turn that reads it.
fn render(asked: &Url, fetched: &Fetched, page: &Page, most: usize) -> ToolOutput {
    let shown: String = page.text.chars().take(most).collect();
    let is_cut = fetched.is_cut || shown.len() < page.text.len();
    let mut text = format!("URL: {}\n", fetched.url);
    if let Some(title) = &page.title {
        let _ = writeln!(text, "Title: {}", title.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let _ = write!(text, "\n{}", if shown.trim().is_empty() { "[no text]" } else { &shown });
    if is_cut {
        let _ = write!(text, "\n[Cut after {} characters; ask for more with maxChars.]", shown.chars().count());
    }
    let details = json!({
        "url": asked.as_str(),
        "finalUrl": fetched.url.as_str(),
        "status": fetched.status.as_u16(),
        "contentType": fetched.content_type,
        "title": page.title,
        "extractor": page.extractor,
        "bytes": fetched.body.len(),
        "truncated": is_cut,
    });
    let output = ToolOutput { text, details: Some(details), ..ToolOutput::default() };
    output.from_outside(Provenance::new(Source::Web, fetched.url.as_str()))
}
