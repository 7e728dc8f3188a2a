//! `diagnostics.*`: what runs and waits at this moment, and the memory of the process.

use chela_protocol::Scope;
use chela_protocol::methods::system::{
    LaneRow, LanesResult, ProcessMemory, StabilityMemory, StabilityResult, StabilitySummary,
};
use jiff::Timestamp;

use super::{Access, Call, Method, RpcResult, answer_of};

/// The lane of all turns together, in the reference system's word.
const MAIN_LANE: &str = "main";

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("diagnostics.lanes", Access::Holding(Scope::Read), lanes),
        Method::new("diagnostics.stability", Access::Holding(Scope::Read), stability),
    ]
}

async fn lanes(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let sessions = gateway.sessions.totals();
    let main = LaneRow {
        lane: MAIN_LANE.to_owned(),
        queued_count: sessions.queued_count,
        active_count: sessions.active_count,
        max_concurrent: gateway.config.load().agents.max_concurrent() as usize,
        draining: gateway.shutdown.is_cancelled(),
    };
    let dynamic = Some(sessions).filter(|totals| totals.lane_count > 0);
    answer_of(&LanesResult { ts: gateway.now_ms(), lanes: vec![main], dynamic })
}

async fn stability(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let is_high = gateway.pressure.memory().is_high;
    let now = Timestamp::from_millisecond(gateway.now_ms()).unwrap_or_default();
    answer_of(&StabilityResult {
        generated_at: now.to_string(),
        summary: StabilitySummary { memory: own_memory(is_high), ..StabilitySummary::default() },
        ..StabilityResult::default()
    })
}

/// The process's memory as the kernel counts it. `None` where it does not tell.
fn own_memory(is_high: bool) -> Option<StabilityMemory> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(StabilityMemory {
        latest: ProcessMemory { rss_bytes: bytes("VmRSS")?, heap_used_bytes: bytes("RssAnon").unwrap_or_default() },
        max_rss_bytes: bytes("VmHWM").unwrap_or_default(),
        pressure_count: u32::from(is_high),
    })
}
