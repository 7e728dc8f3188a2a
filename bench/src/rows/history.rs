//! A message into a session with a long history: how soon the model has the request, and what that request holds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chela_agent::{ItemBody, NoteBody, NoteKind, UserBody};
use chela_client::{Client, ClientOptions};
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{DATABASE_FILE, NewItem, OpenOptions, Store, WriterMode};
use chela_testkit::model::FakeModel;
use serde_json::json;

use crate::process::{Home, TOKEN};
use crate::report::{Row, Verdict};
use crate::stats::Samples;
use crate::tap::Tap;

/// Turns of about a kilobyte each: 200 MB in one session.
const OLD_TURNS: usize = 200_000;
/// Turns that are written in one commit.
const BATCH: usize = 1_000;
const SKILLS: usize = 50;
const MESSAGES: usize = 60;
/// The first messages find nothing in any cache.
const WARM_UP: usize = 5;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    model.forget_requests();
    let tap = Tap::start(&model.url()).await?;
    let home = Home::new(&tap.url(), "")?;
    write_skills(&home)?;
    write_history(&home).await?;
    let gateway = home.start()?;
    let (client, mut events) = Client::connect(ClientOptions::new(gateway.websocket(), Some(TOKEN.into()))).await?;
    let (mut begun, mut whole, mut bytes) = (Samples::default(), Samples::default(), Samples::default());
    for number in 0..MESSAGES + WARM_UP {
        tap.take();
        let sent = Instant::now();
        let params = json!({
            "sessionKey": "main", "message": format!("message {number}"), "idempotencyKey": format!("message-{number}"),
        });
        client.call("chat.send", params).await?;
        let wait = async {
            while let Some(event) = events.next().await {
                if event.name == "chat" && event.payload["state"] == "final" {
                    return Some(());
                }
            }
            None
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await?.context("the gateway went away")?;
        let moments = tap.take().context("no request reached the model")?;
        if number >= WARM_UP {
            begun.time(moments.first - sent);
            whole.time(moments.last - sent);
            bytes.number(moments.bytes as f64 / 1e3);
        }
    }
    Ok(vec![Row {
        name: "message to model request, 50 skills, 200 MB of history",
        measured: format!(
            "{:.1} ms p50, {:.1} ms p95 to its first byte ({:.1} ms p50 to its last of {:.0} KB; n={})",
            begun.median(),
            begun.quantile(0.95),
            whole.median(),
            bytes.median(),
            begun.len()
        ),
        limit: "≤ 3 ms p95",
        reference: "",
        verdict: Verdict::at_most(begun.quantile(0.95), 3.0),
    }])
}

fn write_skills(home: &Home) -> Result<()> {
    for number in 0..SKILLS {
        let folder = home.path().join(format!("skills/skill-{number}"));
        std::fs::create_dir_all(&folder)?;
        let text =
            format!("---\nname: skill-{number}\ndescription: Does the thing number {number} well.\n---\n\nHow.\n");
        std::fs::write(folder.join("SKILL.md"), text)?;
    }
    Ok(())
}

/// Puts the history where the gateway will find it.
async fn write_history(home: &Home) -> Result<()> {
    let store = Store::open(OpenOptions { path: home.path().join(DATABASE_FILE), writer: WriterMode::Thread })?;
    let agent = AgentId::new("main");
    let session = store.ensure_session(&SessionKey::main(&agent), &agent, 0).await?;
    for first in (0..OLD_TURNS).step_by(BATCH) {
        let items = (first..first + BATCH).flat_map(old_turn).collect();
        store.append(&session.id, items).await?;
    }
    store.close().await?;
    Ok(())
}

fn old_turn(number: usize) -> [NewItem; 2] {
    let run = RunId::new(format!("old-{number}"));
    let asked = UserBody { text: format!("{number} {}", "asked ".repeat(70)), ..UserBody::default() };
    let answered = NoteBody { text: format!("{number} {}", "answered ".repeat(60)), kind: NoteKind::Injected };
    let [asked, answered] = [ItemBody::User(asked), ItemBody::Note(answered)];
    let item = |body: ItemBody, place| body.into_item(format!("old-{number}-{place}").into(), Some(&run), 0);
    // Indexing it for the search is not what is measured, and takes longer than all else.
    [item(asked, 0), item(answered, 1)].map(|item| NewItem { text: String::new(), ..item })
}
