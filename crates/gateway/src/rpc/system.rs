//! `system.info`, `environments.list`, `update.status`, `last-heartbeat`: the machine that the gateway runs on, for admin pages.

use std::path::Path;

use chela_protocol::methods::system::{EnvironmentRow, EnvironmentsListResult, SystemInfoResult, UpdateStatusResult};
use chela_protocol::{RpcError, Scope};
use serde_json::Value;

use super::{Access, Call, Method, RpcResult, answer_of, nodes};
use crate::app::Gateway;
use crate::rpc_error;

/// What the kernel says a share of the load average is in: 65536 is one.
const LOAD_UNIT: f64 = 65_536.0;

/// What agents can do on the machine of the gateway.
const LOCAL_CAPABILITIES: [&str; 4] = ["agent.run", "sessions", "tools", "workspace"];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let read = Access::Holding(Scope::Read);
    vec![
        Method::new("system.info", read, info),
        Method::new("environments.list", read, environments),
        Method::new("update.status", Access::Holding(Scope::Admin), update_status),
        // No agent has a heartbeat, so there was never one.
        Method::new("last-heartbeat", read, |_| async { Ok(Value::Null) }),
    ]
}

async fn info(call: Call) -> RpcResult {
    let gateway = call.gateway.clone();
    let reading = move || system_info(&gateway);
    let read = call.gateway.outside.off_thread(reading).await;
    answer_of(&read.map_err(|_| RpcError::unavailable("reading the machine's state failed"))?)
}

/// Asks the kernel, which may take a moment for a folder on a network.
fn system_info(gateway: &Gateway) -> SystemInfoResult {
    let (names, system) = (rustix::system::uname(), rustix::system::sysinfo());
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let release = text(names.release());
    let volume = rustix::fs::statvfs(&gateway.facts.state_dir).ok();
    let unit = u64::from(system.mem_unit).max(1);
    SystemInfoResult {
        machine_name: gateway.facts.host.clone(),
        hostname: text(names.nodename()),
        platform: std::env::consts::OS.to_owned(),
        os_label: distribution().unwrap_or_else(|| format!("{} {release}", text(names.sysname()))),
        release,
        arch: text(names.machine()),
        node_version: format!("chela {}", gateway.facts.version),
        pid: std::process::id(),
        process_instance_id: gateway.facts.boot_id.clone(),
        uptime_ms: gateway.uptime_ms(),
        cpu_count: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_model: first_value(Path::new("/proc/cpuinfo"), "model name", ':'),
        load_average: Some(system.loads.map(load)),
        memory_total_bytes: system.totalram.saturating_mul(unit),
        memory_free_bytes: available_memory().unwrap_or_else(|| system.freeram.saturating_mul(unit)),
        disk_total_bytes: volume.as_ref().map(|volume| volume.f_blocks.saturating_mul(volume.f_frsize)),
        disk_available_bytes: volume.as_ref().map(|volume| volume.f_bavail.saturating_mul(volume.f_frsize)),
        disk_path: Some(gateway.facts.state_dir.display().to_string()),
    }
}

/// A load average as people know it, to two places.
#[expect(clippy::cast_precision_loss, reason = "a load average is far below what a double holds exactly")]
fn load(raw: u64) -> f64 {
    (raw as f64 / LOAD_UNIT * 100.0).round() / 100.0
}

/// What programs could have: free memory and what can be dropped.
fn available_memory() -> Option<u64> {
    let line = first_value(Path::new("/proc/meminfo"), "MemAvailable", ':')?;
    let kilobytes: u64 = line.trim_end_matches("kB").trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn distribution() -> Option<String> {
    let named = first_value(Path::new("/etc/os-release"), "PRETTY_NAME", '=')?;
    Some(named.trim_matches('"').to_owned()).filter(|name| !name.is_empty())
}

/// What follows a name in the first line of a file that begins with it.
fn first_value(file: &Path, name: &str, separator: char) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let found = text.lines().filter_map(|line| line.split_once(separator)).find(|(key, _)| key.trim() == name);
    found.map(|(_, value)| value.trim().to_owned())
}

async fn environments(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let local = EnvironmentRow {
        id: "gateway".to_owned(),
        kind: "local".to_owned(),
        label: "Gateway local".to_owned(),
        status: "available".to_owned(),
        platform: Some(std::env::consts::OS.to_owned()),
        session_host: true,
        trust: "persistent".to_owned(),
        capabilities: LOCAL_CAPABILITIES.map(str::to_owned).to_vec(),
    };
    let nodes = nodes::rows(gateway).await.map_err(rpc_error::of_store)?.into_iter().map(|node| EnvironmentRow {
        id: format!("node:{}", node.node_id),
        kind: "node".to_owned(),
        label: node.display_name.unwrap_or_else(|| node.node_id.to_string()),
        status: if node.connected { "available" } else { "unavailable" }.to_owned(),
        platform: node.platform,
        session_host: false,
        trust: "persistent".to_owned(),
        capabilities: node.caps.into_iter().chain(node.commands).collect(),
    });
    answer_of(&EnvironmentsListResult { environments: std::iter::once(local).chain(nodes).collect() })
}

async fn update_status(_: Call) -> RpcResult {
    answer_of(&UpdateStatusResult::default())
}
