//! The agent loop: from one durable input to one durable answer.
//!
//! Owns turns, transcripts, context, skills and the tool contract. Never sees a socket, a channel or the environment.

mod approval;
mod budget;
mod clock;
mod commands;
mod compaction;
mod config;
mod context;
mod context_config;
mod context_report;
mod event;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod input;
mod kept;
mod levels;
mod media_type;
mod profile;
mod pruning;
mod real;
mod reply;
mod shown;
mod skills;
mod tool;
mod tools_config;
mod transcript;
mod trust;
mod turn;
mod untrusted;
mod workspace;

pub use approval::{AllowedBy, ApprovalRequest, Approvals, Asking, Denial, NoApprovals, Verdict, VerdictFuture};
pub use budget::{
    Budget, BudgetLedger, BudgetLimits, BudgetReached, BudgetRules, BudgetScope, BudgetState, BudgetUnit,
    BudgetsConfig, Reservation, Spender,
};
pub use clock::Clock;
pub use commands::{
    Access, ArgChoices, COMMANDS, Category, Command, CommandArg, CommandId, Directives, ParsedCommand, parse_command,
    parse_queue_mode,
};
pub use compaction::{Compacted, CompactionDone, CompactionError, CompactionOrder, compact_session};
pub use config::{
    AgentDefaults, AgentEntry, AgentGroupChat, AgentIdentity, AgentsConfig, DmScope, ModelChain, ModelEntry,
    ModelSetting, ResetMode, ResetPolicy, SendMatch, SendPolicyConfig, SendRule, SessionConfig, SessionScope,
    SkillEntry, SkillInstall, SkillLimits, SkillLoad, SkillsConfig, TypingMode, parse_thinking,
};
pub use context_config::{
    CompactionConfig, CompactionSettings, ContextPruningConfig, HardClearConfig, MemoryFlushConfig, PruningMode,
    PruningSettings, SoftTrimConfig,
};
pub use context_report::{ContextPart, ContextReport, context_report, system_prompt};
pub use event::{
    AbortReason, CompactionPhase, EVENT_QUEUE, FailureKind, TurnEnd, TurnEvent, TurnEventKind, TurnEvents,
};
pub use input::{Attachment, DeliveryRoute, INPUT_VERSION, InputOrigin, OriginKind, TurnInput};
pub use levels::{GroupActivation, ReasoningLevel, ResponseUsage, SendPolicy, VerboseLevel, clears};
pub use media_type::proved_media_type;
pub use profile::{AgentProfile, DEFAULT_MAX_CONCURRENT, FileLimits, agent_id};
pub use real::{Missing, RealFolder, open_real};
pub use reply::{Reply, ReplyButton};
pub use skills::{
    ARCHIVE_BYTES_MAX, ArchiveError, Finding, IntegrityState, LockFileError, Pinned, PlaceError, SKILL_FOLDERS,
    SKILL_LOCK, ScanReport, Severity, SkillFile, SkillHead, SkillHome, SkillIndex, SkillInstallStep, SkillIntegrity,
    SkillLock, SkillNeeds, SkillOrigin, SkillPin, SkillScanner, SkillSources, SkillStamp, SkillStatus, SkillTree,
    TreeError, pack_skill, read_skill_head, unpack_skill,
};
pub use tool::{
    AgentId, Effect, Media, RunId, SessionKey, SessionStatus, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture,
    ToolOutput, ToolProgress, ToolSet,
};
pub use tools_config::{
    AgentTools, ApplyPatchConfig, ExecAsk, ExecConfig, ExecHost, ExecMode, ExecRule, ExecSecurity, FsConfig,
    ToolProfile, TurnTools,
};
pub use transcript::{
    AssistantBody, CompactionBody, Cut, ItemBody, NoteBody, NoteKind, ToolResultEntry, ToolResultsBody, UntrustedMark,
    UserBody, messages, repair,
};
pub use trust::{CallRisk, Clearance, Gate, Provenance, Risk, Source, Speaker, Subject, Trust, gate};
pub use turn::{
    SteerQueue, TURN_MAX, TurnCancel, TurnDefaults, TurnJob, TurnLimits, TurnWorld, run_turn, unanswered_calls,
};
pub use untrusted::{mark_id as untrusted_mark_id, wrapped as wrapped_untrusted, written_out};
pub use workspace::{WorkspaceState, ensure_workspace, instruction_files, is_instruction_file};
