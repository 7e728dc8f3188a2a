// What each method takes and answers. A method that a page needs and that isn't here gets a row.

import type { MethodName } from "../protocol/names.ts";
import type {
  AgentCreateParams,
  AgentCreateResult,
  AgentDeleteParams,
  AgentDeleteResult,
  AgentFileParams,
  AgentFileResult,
  AgentFileSetParams,
  AgentFilesParams,
  AgentFilesResult,
  AgentIdentityParams,
  AgentIdentityResult,
  AgentUpdateParams,
  AgentUpdateResult,
  AgentsListResult,
  ApprovalHistoryParams,
  ApprovalHistoryResult,
  ApprovalResolveParams,
  ChannelChangedResult,
  ChannelLogoutResult,
  ChannelParams,
  ChannelsStatusParams,
  ChannelsStatusResult,
  ChatAbortParams,
  ChatAbortResult,
  ChatHistoryParams,
  ChatHistoryResult,
  ChatMetadataParams,
  ChatMetadataResult,
  ChatSendParams,
  ChatSendResult,
  ConfigGetResult,
  ConfigLookupParams,
  ConfigLookupResult,
  ConfigSchemaResult,
  ConfigWriteParams,
  ConfigWriteResult,
  CronIdParams,
  CronJob,
  CronListParams,
  CronListResult,
  CronRemoveResult,
  CronRunParams,
  CronRunResult,
  CronRunsParams,
  CronRunsResult,
  CronSpec,
  CronStatusResult,
  CronUpdateParams,
  DeadLetterParams,
  DeadLettersChangedResult,
  DeadLettersParams,
  DeadLettersResult,
  DeviceLinkResult,
  DevicePairListResult,
  DeviceParams,
  DeviceTokenParams,
  DeviceTokenRotateResult,
  ExecApprovalsGetResult,
  ExecApprovalsSetParams,
  ExecGrantRevokeParams,
  ExecGrantsListResult,
  GatewayIdentity,
  HealthSnapshot,
  HooksStatusParams,
  HooksStatusResult,
  LanesResult,
  LogsTailParams,
  LogsTailResult,
  ModelsAuthStatusResult,
  ModelsListParams,
  ModelsListResult,
  NodeListResult,
  NodePairListResult,
  NodeParams,
  NodeRenameParams,
  PairRequestParams,
  PairedSenderParams,
  PairingApprovedResult,
  PairingCodeParams,
  PairingDismissedResult,
  PairingListParams,
  PairingListResult,
  PendingApproval,
  PresenceEntry,
  SessionDescribeResult,
  SessionKeyParams,
  SessionUsageParams,
  SessionsDeleteParams,
  SessionsDeleteResult,
  SessionsListParams,
  SessionsListResult,
  SessionsPatchParams,
  SessionsPatchResult,
  SessionsResetParams,
  SessionsResetResult,
  SessionsSearchParams,
  SessionsSearchResult,
  SessionsUsageResult,
  SkillNamedParams,
  SkillUploadBeginParams,
  SkillUploadChunkParams,
  SkillUploadCommitParams,
  SkillUploadResult,
  SkillsInstallParams,
  SkillsInstallResult,
  SkillsScanResult,
  SkillsUpdateParams,
  SkillsSearchParams,
  SkillsSearchResult,
  SkillsStatusParams,
  SkillsStatusResult,
  StabilityResult,
  StatusResult,
  SubscribeResult,
  SystemInfoResult,
  TasksListParams,
  TasksListResult,
  ToolsCatalogParams,
  ToolsCatalogResult,
  ToolsEffectiveParams,
  ToolsEffectiveResult,
  UpdateStatusResult,
  UsageCostResult,
  UsageLogsResult,
  UsageParams,
  UsageStatusResult,
  UsageTimeseriesResult,
  WebLoginParams,
} from "../protocol/types.ts";

type Nothing = Record<never, never>;

interface Rows {
  // What is going on
  health: [Nothing, HealthSnapshot];
  status: [Nothing, StatusResult];
  "system-presence": [Nothing, PresenceEntry[]];
  "system.info": [Nothing, SystemInfoResult];
  "update.status": [Nothing, UpdateStatusResult];
  "diagnostics.lanes": [Nothing, LanesResult];
  "diagnostics.stability": [Nothing, StabilityResult];
  "logs.tail": [LogsTailParams, LogsTailResult];
  "tasks.list": [TasksListParams, TasksListResult];
  "hooks.status": [HooksStatusParams, HooksStatusResult];
  "gateway.identity.get": [Nothing, GatewayIdentity];

  // Configuration
  "config.get": [Nothing, ConfigGetResult];
  "config.set": [ConfigWriteParams, ConfigWriteResult];
  "config.patch": [ConfigWriteParams, ConfigWriteResult];
  "config.apply": [ConfigWriteParams, ConfigWriteResult];
  "config.schema": [Nothing, ConfigSchemaResult];
  "config.schema.lookup": [ConfigLookupParams, ConfigLookupResult];
  "secrets.reload": [Nothing, unknown];

  // Channels
  "channels.status": [ChannelsStatusParams, ChannelsStatusResult];
  "channels.start": [ChannelParams, ChannelChangedResult];
  "channels.stop": [ChannelParams, ChannelChangedResult];
  "channels.logout": [ChannelParams, ChannelLogoutResult];
  "web.login.start": [WebLoginParams, unknown];
  "web.login.wait": [WebLoginParams, unknown];
  "channels.deadLetters.list": [DeadLettersParams, DeadLettersResult];
  "channels.deadLetters.retry": [DeadLetterParams, DeadLettersChangedResult];
  "channels.deadLetters.discard": [DeadLetterParams, DeadLettersChangedResult];
  "channels.pairing.list": [PairingListParams, PairingListResult];
  "channels.pairing.approve": [PairingCodeParams, PairingApprovedResult];
  "channels.pairing.reject": [PairingCodeParams, unknown];
  "channels.pairing.dismiss": [PairingCodeParams, PairingDismissedResult];
  "channels.pairing.remove": [PairedSenderParams, unknown];

  // Devices and nodes
  "device.pair.list": [Nothing, DevicePairListResult];
  "device.pair.approve": [PairRequestParams, unknown];
  "device.pair.reject": [PairRequestParams, unknown];
  "device.pair.remove": [DeviceParams, unknown];
  "device.token.rotate": [DeviceTokenParams, DeviceTokenRotateResult];
  "device.token.revoke": [DeviceTokenParams, unknown];
  "device.link.create": [Nothing, DeviceLinkResult];
  "node.list": [Nothing, NodeListResult];
  "node.pair.list": [Nothing, NodePairListResult];
  "node.rename": [NodeRenameParams, unknown];
  "node.pair.remove": [NodeParams, unknown];

  // Approvals
  "exec.approval.list": [Nothing, PendingApproval[]];
  "exec.approval.resolve": [ApprovalResolveParams, unknown];
  "exec.approval.grants.list": [Nothing, ExecGrantsListResult];
  "exec.approval.grants.revoke": [ExecGrantRevokeParams, unknown];
  "approval.history": [ApprovalHistoryParams, ApprovalHistoryResult];
  "exec.approvals.get": [Nothing, ExecApprovalsGetResult];
  "exec.approvals.set": [ExecApprovalsSetParams, unknown];

  // Chat and sessions
  "chat.send": [ChatSendParams, ChatSendResult];
  "chat.history": [ChatHistoryParams, ChatHistoryResult];
  "chat.abort": [ChatAbortParams, ChatAbortResult];
  "chat.metadata": [ChatMetadataParams, ChatMetadataResult];
  "sessions.list": [SessionsListParams, SessionsListResult];
  "sessions.describe": [SessionKeyParams, SessionDescribeResult];
  "sessions.search": [SessionsSearchParams, SessionsSearchResult];
  "sessions.patch": [SessionsPatchParams, SessionsPatchResult];
  "sessions.reset": [SessionsResetParams, SessionsResetResult];
  "sessions.delete": [SessionsDeleteParams, SessionsDeleteResult];
  "sessions.compact": [SessionKeyParams, unknown];
  "sessions.subscribe": [SessionsListParams, SubscribeResult];
  "sessions.unsubscribe": [Nothing, unknown];
  "sessions.messages.subscribe": [SessionKeyParams, SubscribeResult];
  "sessions.messages.unsubscribe": [SessionKeyParams, unknown];

  // Agents, models, skills, tools
  "agents.list": [Nothing, AgentsListResult];
  "agents.create": [AgentCreateParams, AgentCreateResult];
  "agents.update": [AgentUpdateParams, AgentUpdateResult];
  "agents.delete": [AgentDeleteParams, AgentDeleteResult];
  "agents.files.list": [AgentFilesParams, AgentFilesResult];
  "agents.files.get": [AgentFileParams, AgentFileResult];
  "agents.files.set": [AgentFileSetParams, AgentFileResult];
  "agent.identity.get": [AgentIdentityParams, AgentIdentityResult];
  "models.list": [ModelsListParams, ModelsListResult];
  "models.authStatus": [Nothing, ModelsAuthStatusResult];
  "skills.status": [SkillsStatusParams, SkillsStatusResult];
  "skills.search": [SkillsSearchParams, SkillsSearchResult];
  "skills.install": [SkillsInstallParams, SkillsInstallResult];
  "skills.update": [SkillsUpdateParams, unknown];
  "skills.remove": [SkillNamedParams, unknown];
  "skills.scan": [SkillNamedParams, SkillsScanResult];
  "skills.accept": [SkillNamedParams, unknown];
  "skills.upload.begin": [SkillUploadBeginParams, SkillUploadResult];
  "skills.upload.chunk": [SkillUploadChunkParams, SkillUploadResult];
  "skills.upload.commit": [SkillUploadCommitParams, SkillUploadResult];
  "tools.catalog": [ToolsCatalogParams, ToolsCatalogResult];
  "tools.effective": [ToolsEffectiveParams, ToolsEffectiveResult];

  // Automations
  "cron.list": [CronListParams, CronListResult];
  "cron.status": [Nothing, CronStatusResult];
  "cron.get": [CronIdParams, CronJob];
  "cron.add": [CronSpec, CronJob];
  "cron.update": [CronUpdateParams, CronJob];
  "cron.remove": [CronIdParams, CronRemoveResult];
  "cron.run": [CronRunParams, CronRunResult];
  "cron.runs": [CronRunsParams, CronRunsResult];

  // Usage
  "usage.status": [Nothing, UsageStatusResult];
  "usage.cost": [UsageParams, UsageCostResult];
  "sessions.usage": [UsageParams, SessionsUsageResult];
  "sessions.usage.timeseries": [SessionUsageParams, UsageTimeseriesResult];
  "sessions.usage.logs": [SessionUsageParams, UsageLogsResult];
}

/** By name: parameters and answer. Names that the gateway doesn't know don't compile. */
export type Methods = { [M in keyof Rows]: M extends MethodName ? Rows[M] : never };
