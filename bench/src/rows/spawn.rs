//! What a command of the model costs as it is run for it: confined by the sandbox, and waited for until it has ended.
//!
//! Measured from outside, as the difference between a turn that runs `echo` and one whose tool only looks at a folder: both
//! call the model twice and keep the same number of items.

use anyhow::{Result, ensure};
use chela_testkit::model::{FakeModel, Recorded, Step};
use serde_json::{Value, json};

use crate::http::Target;
use crate::process::Home;
use crate::report::{Row, Verdict};
use crate::stats::Samples;

/// Turns of each kind, one after the other, so that what else the machine does meets both alike.
const TURNS: usize = 150;
/// Sessions of the turns. Not one, or its history would be most of the time.
const SESSIONS: usize = 15;
/// What the command says, and only one that ran.
const SAID: &str = "it-ran";

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    let home = Home::new(&model.url(), "")?;
    let gateway = home.start()?;
    let through = Target::gateway(&gateway.url(""))?;
    let (mut running, mut looking) = (Samples::default(), Samples::default());
    // The first command finds out what the machine offers; nobody is to pay for that twice.
    for number in 0..=TURNS {
        for (times, tool, arguments) in [
            (&mut running, "exec", json!({ "command": format!("echo {SAID}") })),
            (&mut looking, "ls", json!({ "path": "." })),
        ] {
            model.respond_with(move |request| answer(request, tool, &arguments));
            let turn = through.turn(&format!("{tool}-{}", number % SESSIONS)).await?;
            if number > 0 {
                times.time(turn.whole);
            }
        }
    }
    let ran = model
        .requests()
        .iter()
        .filter(|request| is_result(request) && last(request)["content"].to_string().contains(SAID))
        .count();
    ensure!(ran == TURNS + 1, "only {ran} of {} commands ran", TURNS + 1);
    let own = running.median() - looking.median();
    Ok(vec![Row {
        name: "sandboxed tool spawn",
        measured: format!(
            "{own:.2} ms p50 until `echo` has ended (a turn with it {:.2}, one with `ls` {:.2}; n={TURNS})",
            running.median(),
            looking.median()
        ),
        limit: "≤ 1.2 ms p50",
        reference: "",
        verdict: Verdict::at_most(own, 1.2),
    }])
}

/// First the call, then, once its result is there, the end of the turn.
fn answer(request: &Recorded, tool: &str, arguments: &Value) -> Step {
    if is_result(request) { Step::text("echo") } else { Step::tools([(tool, arguments.clone())]) }
}

fn is_result(request: &Recorded) -> bool {
    last(request)["role"] == "tool"
}

fn last(request: &Recorded) -> &Value {
    request.body["messages"].as_array().and_then(|messages| messages.last()).unwrap_or(&Value::Null)
}
