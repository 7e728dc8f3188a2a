//! `tasks.list`: the commands that agents left running, and those that ended lately.

use chela_protocol::Scope;
use chela_protocol::methods::tasks::{TASKS_LIST_MAX, TaskRow, TasksListParams, TasksListResult};
use chela_tools::{BackgroundCommand, CommandState};

use super::{Access, Call, Method, RpcResult, answer_of};

/// Characters of a command that a list shows.
const TITLE_CHARS: usize = 200;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("tasks.list", Access::Holding(Scope::Read), list)]
}

async fn list(call: Call) -> RpcResult {
    let params: TasksListParams = call.params()?;
    let now_ms = call.gateway.now_ms();
    let commands = call.gateway.tools.processes.listed().into_iter();
    let mut tasks: Vec<TaskRow> = commands.map(|command| row(command, now_ms)).collect();
    tasks.retain(|task| {
        params.status.as_ref().is_none_or(|asked| asked.contains(&task.status))
            && params.agent_id.as_ref().is_none_or(|asked| task.agent_id.as_ref() == Some(asked))
            && params.session_key.as_ref().is_none_or(|asked| task.session_key == *asked)
    });
    tasks.sort_by_key(|task| std::cmp::Reverse(task.updated_at));
    tasks.truncate(params.limit.unwrap_or(TASKS_LIST_MAX).clamp(1, TASKS_LIST_MAX));
    answer_of(&TasksListResult { tasks })
}

fn row(command: BackgroundCommand, now_ms: i64) -> TaskRow {
    let ago = |age: std::time::Duration| now_ms - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let started_at = ago(command.age);
    let (status, ended_at) = match command.state {
        CommandState::Running => ("running", None),
        CommandState::Succeeded { since } => ("completed", Some(ago(since))),
        CommandState::Failed { since } => ("failed", Some(ago(since))),
        CommandState::TimedOut { since } => ("timed_out", Some(ago(since))),
        CommandState::Killed { since } => ("cancelled", Some(ago(since))),
    };
    TaskRow {
        id: command.id,
        kind: "exec".to_owned(),
        runtime: "cli".to_owned(),
        status: status.to_owned(),
        title: command.command.chars().take(TITLE_CHARS).collect(),
        agent_id: Some(command.owner.agent().to_string()),
        session_key: command.owner.to_string(),
        created_at: started_at,
        started_at,
        ended_at,
        updated_at: ended_at.unwrap_or(now_ms),
        error: None,
    }
}
