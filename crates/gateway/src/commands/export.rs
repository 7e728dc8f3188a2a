//! `/export-session`: the conversation as a file of the workspace, a page or Markdown, with the system prompt before it.
//!
//! The file is private, stays in the workspace, and takes no other file's place.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use chela_agent::{ItemBody, system_prompt};
use chela_store::{Item, Session, StoreError};
use jiff::Timestamp;

use super::{Answer, Asked};

/// Where exports go that name no place.
const FOLDER: &str = "exports";
/// Items that are read at once.
const PAGE: usize = 200;
/// Longest export in bytes. The newest part of a longer conversation is written, and the file says so.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Markdown,
}

/// One entry of the file.
struct Entry {
    who: &'static str,
    at_ms: i64,
    text: String,
}

pub(super) async fn reply(asked: &Asked<'_>) -> Result<Answer, StoreError> {
    let session = asked.session().await?;
    let gateway = asked.gateway;
    let stamp =
        Timestamp::from_millisecond(gateway.now_ms()).unwrap_or_default().strftime("%Y-%m-%d-%H%M%S").to_string();
    let path = match inside(asked.args, &stamp) {
        Ok(path) => path,
        Err(why) => return Ok(why.to_owned().into()),
    };
    let is_markdown = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
    let form = if is_markdown { Form::Markdown } else { Form::Page };
    let book = gateway.sessions.agents(gateway);
    let world = book.world(gateway, &session.agent).await;
    let prompt = system_prompt(&world, &session);
    let (entries, is_whole) = entries(asked, &session).await?;
    let text = gateway.logs.without_tokens(written(form, &session, &prompt, &entries, is_whole));
    let workspace = world.profile.workspace.clone();
    let target = path.clone();
    let writing = gateway.outside.off_thread(move || write(&workspace, &target, text.as_bytes())).await;
    let shown = path.display().to_string();
    Ok(match writing {
        Ok(Ok(())) => {
            let text = format!("This conversation, {} entries, stands in `{shown}` in the workspace.", entries.len());
            Answer { text, file: Some(shown), ..Answer::default() }
        }
        Ok(Err(error)) => format!("`{shown}` could not be written: {error}.").into(),
        Err(_) => "The export failed; see the log.".to_owned().into(),
    })
}

/// Where in the workspace the file goes.
fn inside(args: &str, stamp: &str) -> Result<PathBuf, &'static str> {
    let written = args.trim_matches(['"', '\'', '`']);
    if written.is_empty() {
        return Ok(Path::new(FOLDER).join(format!("session-{stamp}.html")));
    }
    let path = Path::new(written);
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    // A name that begins with a dot may be a setting of some program.
    let is_hidden = path.iter().any(|part| part.to_string_lossy().starts_with('.'));
    let is_kind = path
        .extension()
        .is_some_and(|ending| ["md", "html", "htm"].iter().any(|kind| ending.eq_ignore_ascii_case(kind)));
    match (is_inside && !is_hidden, is_kind) {
        (false, _) => Err("Name a place in the workspace, such as `exports/talk.md`."),
        (true, true) => Ok(path.to_owned()),
        (true, false) => Err("The name must end with `.html` or `.md`."),
    }
}

/// The entries of the conversation, oldest first, and whether they are all.
async fn entries(asked: &Asked<'_>, session: &Session) -> Result<(Vec<Entry>, bool), StoreError> {
    let (mut entries, mut before, mut bytes) = (Vec::new(), None, 0);
    loop {
        let items = asked.gateway.store.items_before(&session.id, before, PAGE).await?;
        let Some(first) = items.first() else { break };
        before = Some(first.seq);
        for item in items.iter().rev() {
            let found = entries_of(item);
            bytes += found.iter().map(|entry| entry.text.len()).sum::<usize>();
            if bytes > BYTES_MAX {
                entries.reverse();
                return Ok((entries, false));
            }
            entries.extend(found.into_iter().rev());
        }
    }
    entries.reverse();
    Ok((entries, true))
}

fn entries_of(item: &Item) -> Vec<Entry> {
    let entry = |who, text: String| Entry { who, at_ms: item.created_at_ms, text };
    let entries = match ItemBody::of(item) {
        None => Vec::new(),
        Some(ItemBody::User(body)) => vec![entry("User", body.text)],
        Some(ItemBody::Assistant(body)) => {
            let calls = body.tool_uses().map(|call| {
                let input = serde_json::to_string_pretty(&call.input).unwrap_or_default();
                entry("Tool call", format!("{} {input}", call.name))
            });
            std::iter::once(entry("Assistant", body.text())).chain(calls.collect::<Vec<_>>()).collect()
        }
        Some(ItemBody::ToolResults(body)) => {
            body.results.into_iter().map(|result| entry("Tool result", result.result.text)).collect()
        }
        Some(ItemBody::Note(body)) => vec![entry("Note", body.text)],
        Some(ItemBody::Compaction(body)) => vec![entry("Summary of what stands before", body.summary)],
    };
    entries.into_iter().filter(|entry| !entry.text.trim().is_empty()).collect()
}

fn written(form: Form, session: &Session, prompt: &str, entries: &[Entry], is_whole: bool) -> String {
    let prompt = Entry { who: "System prompt", at_ms: session.started_at_ms, text: prompt.to_owned() };
    let title = format!("Session {}", session.key);
    let cut = if is_whole { "" } else { "The beginning of this long conversation is left out." };
    let all = std::iter::once(&prompt).chain(entries);
    let mut text = match form {
        Form::Markdown => format!("# {title}\n\n{cut}\n"),
        Form::Page => format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{title}</title>\n<style>{STYLE}</style></head>\n\
             <body><h1>{title}</h1>\n<p>{cut}</p>\n",
            title = escaped(&title),
        ),
    };
    for entry in all {
        let at = Timestamp::from_millisecond(entry.at_ms).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S UTC");
        let _ = match form {
            Form::Markdown => writeln!(text, "\n## {} · {at}\n\n{}", entry.who, entry.text),
            Form::Page => {
                let class = entry.who.split(' ').next().unwrap_or_default().to_lowercase();
                writeln!(
                    text,
                    "<section class=\"{class}\"><h2>{} · <time>{at}</time></h2><pre>{}</pre></section>",
                    entry.who,
                    escaped(&entry.text)
                )
            }
        };
    }
    if form == Form::Page {
        text.push_str("</body></html>\n");
    }
    text
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}\
h2{font-size:.85rem;color:#666;margin:1.5rem 0 .3rem}pre{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}\
.tool pre,.system pre{font:13px/1.4 ui-monospace,monospace;background:#8881;padding:.6rem;border-radius:.4rem}\
.user pre{font-weight:600}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writes a new file below the workspace; links that lead out of it are refused, and so is what stands there already.
fn write(workspace: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let root = workspace.canonicalize()?;
    let target = root.join(path);
    let folder = target.parent().unwrap_or(&root);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if !folder.canonicalize()?.starts_with(&root) || folder.canonicalize()? != folder {
        return Err(io::Error::other("the folder leads out of the workspace"));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(&target);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_stays_in_the_workspace() {
        assert_eq!(inside("", "now"), Ok(PathBuf::from("exports/session-now.html")));
        assert_eq!(inside("`a/talk.md`", "now"), Ok(PathBuf::from("a/talk.md")));
        for wrong in ["../x.md", "/etc/x.md", "a/../../x.md", ".ssh/x.md", "notes", "x.sh"] {
            assert!(inside(wrong, "now").is_err(), "{wrong}");
        }
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("out")).unwrap();
        write(folder.path(), Path::new("out/x.md"), b"x").unwrap_err();
        write(folder.path(), Path::new("in/x.md"), b"x").unwrap();
        let again = write(folder.path(), Path::new("in/x.md"), b"y").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }
}
