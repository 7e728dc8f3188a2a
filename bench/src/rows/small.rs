//! The smallest machine that serves: how much memory a control group must leave the gateway for a hundred turns.

use std::time::Duration;

use anyhow::{Result, bail};
use chela_testkit::model::FakeModel;

use crate::http::Target;
use crate::machine::SmallMachine;
use crate::process::{Home, binary, drop_page_cache};
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const TURNS: usize = 100;
/// For all turns together. A machine that takes longer, because it reads its own code from the disk again and again, serves nobody.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sessions of the turns, in turn.
const SESSIONS: usize = 10;
/// Megabytes, the smallest first.
const SIZES: &[u64] = &[8, 10, 12, 16, 20, 24, LIMIT];
/// What it was designed for.
const LIMIT: u64 = 32;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    model.forget_requests();
    let designed = serve(&model.url(), LIMIT).await?;
    for &megabytes in SIZES {
        let Ok(turns) = serve(&model.url(), megabytes).await else { continue };
        return Ok(vec![Row {
            name: "smallest machine that serves 100 turns",
            measured: format!(
                "{megabytes} MB, code in the page cache included ({:.0} ms p50 a turn; with {LIMIT} MB {:.1} ms)",
                turns.median(),
                designed.median()
            ),
            limit: "32 MB",
            reference: "1.5 GB",
            verdict: Verdict::at_most(megabytes as f64, LIMIT as f64),
        }]);
    }
    bail!("not even {:?} MB are enough", SIZES.last())
}

/// Turns in a control group of this size. Fails when the gateway does not start, or a turn is not answered: the kernel ends who
/// needs more than there is.
async fn serve(model_url: &str, megabytes: u64) -> Result<Samples> {
    let small = SmallMachine::new(megabytes)?;
    let home = Home::new(model_url, "")?;
    // Pages that are in memory already would not count here.
    drop_page_cache(&binary()?)?;
    let join = r#"echo $$ > "$0" && exec "$@""#;
    let runner = ["/bin/sh", "-c", join, &small.members().to_string_lossy()].map(str::to_owned);
    let gateway = home.start_under(&runner)?;
    let through = Target::gateway(&gateway.url(""))?;
    let mut turns = Samples::default();
    let take = async {
        for number in 0..TURNS {
            turns.time(through.turn(&format!("small-{}", number % SESSIONS)).await?.whole);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, take).await??;
    gateway.kill()?;
    Ok(turns)
}
