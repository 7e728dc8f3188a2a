// Generated from crates/protocol by `cargo xtask codegen`; not edited by hand.

// crates/protocol/src/connect.rs

/** Parameters of `connect`, the first request on a socket. */
export interface ConnectParams {
  minProtocol: number;
  maxProtocol: number;
  client: ClientInfo;
  /** Extensions that the client understands, for example `tool-events`. */
  caps?: string[];
  /** Commands that a node claims to run. */
  commands?: string[];
  permissions?: unknown;
  role?: string;
  /** What the client asks for; signed by the device exactly as sent. Unknown names are kept here and never granted. */
  scopes?: string[];
  device?: ConnectDevice;
  auth?: ConnectAuth;
  locale?: string;
  userAgent?: string;
}

/** Which program connects. `id` and `mode` are closed sets in OpenClaw; any non-empty text is accepted here. */
export interface ClientInfo {
  id: string;
  displayName?: string;
  version: string;
  buildId?: string;
  platform: string;
  deviceFamily?: string;
  modelIdentifier?: string;
  timeZone?: string;
  mode: string;
  instanceId?: string;
}

/** Proof that the client holds a device's key. */
export interface ConnectDevice {
  id: DeviceId;
  /** base64url of the raw Ed25519 key, or PEM. */
  publicKey: string;
  /** base64url of the signature over the payload of `DeviceClaim`. */
  signature: string;
  /** Unix milliseconds. */
  signedAt: number;
  /** The challenge's nonce. Absent in January's v1 payload. */
  nonce?: string;
}

/** Credentials. Never shown: `Debug` names which are present. */
export interface ConnectAuth {
  token?: string;
  password?: string;
  deviceToken?: string;
  bootstrapToken?: string;
}

// crates/protocol/src/connect_error.rs

/** `details` of a refused `connect`. */
export interface ConnectErrorDetails {
  code: ConnectErrorCode;
  /** The case in lower case, for example `token_mismatch`. */
  authReason?: string;
  canRetryWithDeviceToken?: boolean;
  recommendedNextStep?: NextStep;
  requestId?: string;
  /** Why pairing is needed, or why an origin is refused. */
  reason?: string;
  clientMinProtocol?: number;
  clientMaxProtocol?: number;
  expectedProtocol?: number;
  minimumProbeProtocol?: number;
}

export type ConnectErrorCode =
  | "AUTH_REQUIRED"
  | "AUTH_UNAUTHORIZED"
  | "AUTH_TOKEN_MISSING"
  | "AUTH_TOKEN_MISMATCH"
  | "AUTH_TOKEN_NOT_CONFIGURED"
  | "AUTH_PASSWORD_MISSING"
  | "AUTH_PASSWORD_MISMATCH"
  | "AUTH_PASSWORD_NOT_CONFIGURED"
  | "AUTH_BOOTSTRAP_TOKEN_INVALID"
  | "AUTH_DEVICE_TOKEN_MISMATCH"
  | "AUTH_SCOPE_MISMATCH"
  | "AUTH_RATE_LIMITED"
  | "AUTH_IDENTITY_HEADER_REQUIRED"
  | "DEVICE_IDENTITY_REQUIRED"
  | "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"
  | "CONTROL_UI_ORIGIN_NOT_ALLOWED"
  | "DEVICE_AUTH_INVALID"
  | "DEVICE_AUTH_DEVICE_ID_MISMATCH"
  | "DEVICE_AUTH_SIGNATURE_EXPIRED"
  | "DEVICE_AUTH_NONCE_REQUIRED"
  | "DEVICE_AUTH_NONCE_MISMATCH"
  | "DEVICE_AUTH_SIGNATURE_INVALID"
  | "DEVICE_AUTH_PUBLIC_KEY_INVALID"
  | "PAIRING_REQUIRED"
  | "PROTOCOL_MISMATCH"
  /** A code of a newer or older gateway. */
  | "UNKNOWN";

export type NextStep =
  | "retry_with_device_token"
  | "update_auth_configuration"
  | "update_auth_credentials"
  | "wait_then_retry"
  | "review_auth_configuration";

/** Why a device needs a person's yes. */
export type PairingReason =
  | "not-paired"
  | "role-upgrade"
  | "scope-upgrade"
  | "metadata-upgrade";

// crates/protocol/src/error.rs

/** A refusal or failure of a method. Worded for people by the gateway's `rpc_error`. */
export interface RpcError {
  code: ErrorCode;
  message: string;
  /** Machine-readable facts; `details.code` names the case (`MISSING_SCOPE`, `AUTH_TOKEN_MISMATCH`, …). */
  details?: unknown;
  retryable?: boolean;
  retryAfterMs?: number;
}

export type ErrorCode =
  | "INVALID_REQUEST"
  | "FORBIDDEN"
  | "UNAVAILABLE"
  | "NOT_PAIRED"
  | "APPROVAL_NOT_FOUND"
  /** Never sent; read from older gateways. */
  | "NOT_LINKED"
  /** Never sent; read from older gateways. */
  | "AGENT_TIMEOUT";

// crates/protocol/src/events.rs

/** `connect.challenge`: the first frame on every socket. */
export interface ChallengePayload {
  nonce: string;
  /** Unix milliseconds; clients sign with this time. */
  ts: number;
  capabilities?: string[];
}

/** `tick`: proof of life. */
export interface Tick {
  ts: number;
}

/** `shutdown`: sent before every socket is closed with 1012. */
export interface Shutdown {
  reason: string;
  restartExpectedMs?: number;
}

/** `presence`. */
export interface PresenceChanged {
  presence: PresenceEntry[];
}

/** One connected client, or the gateway itself. */
export interface PresenceEntry {
  host?: string;
  clientId?: string;
  ip?: string;
  version?: string;
  platform?: string;
  deviceFamily?: string;
  mode?: string;
  /** Why the entry is there: `self`, `connect`. */
  reason?: string;
  deviceId?: string;
  roles?: string[];
  scopes?: string[];
  instanceId?: string;
  /** One line for people. */
  text?: string;
  onlineSince?: number;
  ts: number;
}

/** `chat`: one step of a turn as chat clients show it. */
export type ChatEvent = {
  runId: RunId;
  sessionKey: SessionKey;
  agentId?: AgentId;
  /** Counts the events of the run. */
  seq: number;
} & ChatState;

/** What a `ChatEvent` says. `message` is the assistant's message so far, in transcript form. */
export type ChatState =
  | {
    state: "status";
    phase: string;
  }
  /** Required from protocol 4 on: `deltaText`. `replace` when what came before is void. */
  | {
    state: "delta";
    message?: unknown;
    deltaText: string;
    replace?: boolean;
  }
  | {
    state: "final";
    message?: unknown;
    usage?: unknown;
    stopReason?: string;
  }
  | {
    state: "aborted";
    message?: unknown;
    errorMessage?: string;
    stopReason?: string;
  }
  | {
    state: "error";
    message?: unknown;
    errorMessage?: string;
    errorKind?: ChatErrorKind;
  };

export type ChatErrorKind =
  | "refusal"
  | "timeout"
  | "rate_limit"
  | "context_length"
  | "unknown";

/** `agent`: one step of a turn in detail. `stream` is `lifecycle`, `assistant`, `tool`, `thinking`, `usage`, … */
export interface AgentEvent {
  runId: RunId;
  seq: number;
  stream: string;
  ts: number;
  data: unknown;
  sessionKey?: SessionKey;
  sessionId?: SessionId;
  agentId?: AgentId;
}

/** `session.message`: a new transcript message of a watched session. */
export interface SessionMessageEvent {
  sessionKey: SessionKey;
  agentId: AgentId;
  message: unknown;
  messageId: string;
  messageSeq: number;
  session?: unknown;
}

/** `sessions.changed`: a row of the session list is new, different or gone. */
export interface SessionsChanged {
  sessionKey: SessionKey;
  agentId: AgentId;
  reason?: string;
  phase?: string;
  runId?: RunId;
  ts: number;
  session?: unknown;
}

/** `budget.reached`, once for each limit and period, to clients with `operator.admin`. Ours. */
export interface BudgetReachedEvent {
  ts: number;
  budget: BudgetRow;
  /** Whose call was not made. */
  agentId: AgentId;
  sessionKey: SessionKey;
  /** For people. */
  message: string;
}

/** `config.changed`. */
export interface ConfigChanged {
  path: string;
  hash: string;
  ts: number;
}

/** `device.pair.requested`: a device waits for a person's yes. Also the rows of `device.pair.list`'s `pending`. */
export interface DevicePairRequested {
  requestId: string;
  deviceId: DeviceId;
  publicKey: string;
  displayName?: string;
  platform?: string;
  deviceFamily?: string;
  clientId?: string;
  clientMode?: string;
  role?: string;
  roles?: string[];
  scopes?: string[];
  remoteIp?: string;
  isRepair: boolean;
  ts: number;
}

/** `device.pair.resolved`. */
export interface DevicePairResolved {
  requestId: string;
  deviceId: DeviceId;
  decision: PairDecision;
  ts: number;
}

/** `node.pair.resolved`. */
export interface NodePairResolved {
  requestId: string;
  nodeId: DeviceId;
  decision: PairDecision;
  ts: number;
}

export type PairDecision =
  | "approved"
  | "rejected";

// crates/protocol/src/frame.rs

/** What a client sends. */
export interface RequestFrame {
  type: "req";
  id: string;
  method: string;
  params?: unknown;
}

/** The answer to one request. `agent` gives two with the same id. */
export interface ResponseFrame {
  type: "res";
  id: string;
  ok: boolean;
  payload?: unknown;
  error?: RpcError;
}

/** Something that happened. `seq` counts the broadcast events of one connection from 1. */
export interface EventFrame<P = unknown> {
  type: "event";
  event: string;
  payload?: P;
  seq?: number;
  stateVersion?: StateVersion;
}

/** Versions of the presence list and of the health snapshot, for clients that keep copies. */
export interface StateVersion {
  presence: number;
  health: number;
}

// crates/protocol/src/hello.rs

/** Payload of the answer to `connect`. `server.buildId` is never sent: a page of another build would refuse to work. */
export interface HelloOk {
  type: HelloTag;
  protocol: number;
  server: ServerInfo;
  features: Features;
  snapshot: Snapshot;
  /** Absent from January's gateways. */
  auth: HelloAuth;
  policy: Policy;
}

/** The constant `hello-ok`. */
export type HelloTag =
  | "hello-ok";

export interface ServerInfo {
  /**
   * The release of OpenClaw whose protocol is spoken (`OPENCLAW_RELEASE`): its clients compare it
   * with their own.
   */
  version: string;
  /** The program itself; OpenClaw's gateways don't say. */
  implementation?: Implementation;
  connId: string;
  bootId?: string;
}

/** Which program a gateway is. */
export interface Implementation {
  name: string;
  version: string;
}

/** What the gateway can do. Each capability is a promise. */
export interface Features {
  methods: string[];
  events: string[];
  capabilities: string[];
}

/** State at the moment of the hello. */
export interface Snapshot {
  presence: PresenceEntry[];
  health: unknown;
  stateVersion: StateVersion;
  uptimeMs: number;
  /** Only for `operator.admin`. */
  configPath?: string;
  /** Only for `operator.admin`. */
  stateDir?: string;
  sessionDefaults?: SessionDefaults;
  authMode?: string;
}

export interface SessionDefaults {
  defaultAgentId: string;
  modelConfigured: boolean;
  mainKey: string;
  mainSessionKey: string;
  scope: string;
}

/** What was granted. */
export interface HelloAuth {
  method?: string;
  role: string;
  scopes: string[];
  /** Lets this device in without the shared secret. Shown once per connect. */
  deviceToken?: string;
  issuedAtMs?: number;
}

/** Limits that the client must respect; see `limits`. */
export interface Policy {
  maxPayload: number;
  maxBufferedBytes: number;
  tickIntervalMs: number;
  attachments?: AttachmentPolicy;
}

export interface AttachmentPolicy {
  maxBytes: number;
  maxImageBytes: number;
}

// crates/protocol/src/ids.rs

export type RunId = string;

export type SessionId = string;

export type AgentId = string;

export type ItemId = string;

export type DeviceId = string;

// crates/protocol/src/scope.rs

/** A right of an operator. `admin` holds all others; `write` holds `read` and `talk`. */
export type Scope =
  | "operator.admin"
  | "operator.read"
  | "operator.write"
  | "operator.approvals"
  | "operator.questions"
  | "operator.pairing"
  | "operator.talk"
  | "operator.talk.secrets"
  | "operator.sessions.read"
  | "operator.sessions.write";

// crates/protocol/src/session_key.rs

/** A canonical session key: always starts with `agent:<agent>:`. */
export type SessionKey = string;

// crates/protocol/src/methods/agent.rs

/** Parameters of `agent`: one turn, answered twice (accepted, then final). */
export interface AgentParams {
  message: string;
  agentId?: string;
  /** With `model`: for this turn only. */
  provider?: string;
  model?: string;
  to?: string;
  /** A conversation's id; counts when there is no `session_key`. */
  sessionId?: string;
  sessionKey?: string;
  thinking?: string;
  deliver?: boolean;
  channel?: string;
  attachments?: ChatAttachment[];
  /** Seconds; 0 is as long as a turn can be, a day. */
  timeout?: number;
  extraSystemPrompt?: string;
  /** Doubles as the run id. */
  idempotencyKey?: string;
}

/** First answer to `agent`. */
export interface AgentAccepted {
  runId: string;
  sessionKey: string;
  agentId: string;
  /** Always `accepted`. */
  status: string;
  acceptedAt: number;
}

/** Last answer to `agent`. */
export interface AgentFinal {
  runId: string;
  /** `ok` or `error`. */
  status: string;
  summary: string;
  result?: AgentRunResult;
}

export interface AgentRunResult {
  payloads: AgentPayload[];
  meta: AgentRunMeta;
}

/** A piece of the answer as a channel would deliver it. */
export interface AgentPayload {
  text?: string;
  mediaUrl: string | null;
}

export interface AgentRunMeta {
  durationMs: number;
  agentMeta: AgentMeta;
}

export interface AgentMeta {
  sessionId: string;
  provider: string;
  model: string;
  usage?: unknown;
}

/** Parameters of `agent.wait`. */
export interface AgentWaitParams {
  runId: string;
  /** 30 seconds by default. */
  timeoutMs?: number;
}

export interface AgentWaitResult {
  runId: string;
  /** `ok`, `error` or `timeout`. */
  status: string;
  startedAt?: number;
  endedAt?: number;
  error?: string;
  stopReason?: string;
}

// crates/protocol/src/methods/agents.rs

export interface AgentsListResult {
  defaultId: string;
  mainKey: string;
  scope: string;
  agents: AgentRow[];
}

export interface AgentRow {
  id: string;
  name?: string;
  identity?: AgentIdentity;
  workspace?: string;
  model?: AgentModel;
}

export interface AgentIdentity {
  name?: string;
  theme?: string;
  emoji?: string;
  avatar?: string;
}

export interface AgentModel {
  primary?: string;
  fallbacks?: string[];
}

/** Parameters of `agent.identity.get`. */
export interface AgentIdentityParams {
  agentId?: string | null;
  sessionKey?: string | null;
}

export interface AgentIdentityResult {
  agentId: string;
  name: string;
  nameSource: string;
  avatar: string | null;
  emoji?: string;
}

/** Parameters of `agents.create`. The id is made of the name. */
export interface AgentCreateParams {
  name: string;
  /** Folder of the agent; one of its own in the state dir when absent. */
  workspace?: string;
  model?: string;
  emoji?: string;
  avatar?: string;
}

export interface AgentCreateResult {
  ok: boolean;
  agentId: string;
  name: string;
  workspace: string;
  model?: string;
}

/** Parameters of `agents.update`: what is absent stays. */
export interface AgentUpdateParams {
  agentId: string;
  name?: string;
  workspace?: string;
  /** `null` takes the agent's own model away, so that it uses that of all. */
  model?: string | null;
  emoji?: string;
  avatar?: string;
}

export interface AgentUpdateResult {
  ok: boolean;
  agentId: string;
}

/** Parameters of `agents.delete`. */
export interface AgentDeleteParams {
  agentId: string;
  /** Puts the agent's folder into the state dir's `trash`. Default: yes. */
  deleteFiles?: boolean;
}

export interface AgentDeleteResult {
  ok: boolean;
  agentId: string;
  /** Bindings that named the agent and are gone with it. */
  removedBindings: number;
  removed?: RemovedFolder[];
  failed?: KeptFolder[];
}

export interface RemovedFolder {
  path: string;
  /** `trash`, or `missing` where there was none. */
  method: string;
}

export interface KeptFolder {
  path: string;
  reason: string;
}

/** Parameters of `agents.files.list`. */
export interface AgentFilesParams {
  agentId: string;
}

/** Parameters of `agents.files.get`. */
export interface AgentFileParams {
  agentId: string;
  name: string;
}

/** Parameters of `agents.files.set`. */
export interface AgentFileSetParams {
  agentId: string;
  name: string;
  content: string;
  /** Hash of the text that the change was made on; another one there now is a conflict. */
  expectedHash?: string;
}

/** Result of `agents.files.list`. */
export interface AgentFilesResult {
  agentId: string;
  workspace: string;
  files: AgentFile[];
}

/** Result of `agents.files.get` and, with `ok`, of `agents.files.set`. */
export interface AgentFileResult {
  ok?: boolean;
  agentId: string;
  workspace: string;
  file: AgentFile;
}

/** A file that tells an agent what to do. */
export interface AgentFile {
  name: string;
  path: string;
  missing: boolean;
  /** In bytes. */
  size?: number;
  updatedAtMs?: number;
  /** SHA-256 in hex. */
  hash?: string;
  /** Not in lists. */
  content?: string;
}

// crates/protocol/src/methods/approvals.rs

/** What a person can say. */
export type ApprovalDecision =
  | "allow-once"
  | "allow-always"
  | "deny";

/** How a question stands. */
export type ApprovalStatus =
  | "pending"
  | "allowed"
  | "denied"
  /** Nobody decided in time, or the gateway stopped first. */
  | "expired"
  /** The turn that asked is over. */
  | "cancelled";

/** A question as `approval.get` shows it. */
export interface ApprovalView {
  id: string;
  urlPath: string;
  createdAtMs: number;
  expiresAtMs: number;
  presentation: ApprovalPresentation;
  status: ApprovalStatus;
  sourceSessionKey?: string;
  decision?: ApprovalDecision;
  reason?: string;
  resolvedAtMs?: number;
  resolver?: ApprovalResolver;
}

/** What a person is shown. Hidden signs in it are written out. */
export interface ApprovalPresentation {
  /** `exec`. */
  kind: string;
  commandText: string;
  warningText?: string;
  host?: string;
  agentId?: string;
  allowedDecisions: ApprovalDecision[];
}

/** Who decided. */
export interface ApprovalResolver {
  /** `device`, `channel`, `runtime` or `system`. */
  kind: string;
  id?: string;
}

/** An entry of `exec.approval.list`, and the payload of `exec.approval.requested`. */
export interface PendingApproval {
  id: string;
  request: ApprovalRequestView;
  createdAtMs: number;
  expiresAtMs: number;
}

/** What is asked about. */
export interface ApprovalRequestView {
  command: string;
  commandArgv?: string[];
  cwd?: string;
  host?: string;
  agentId?: string;
  resolvedPath?: string;
  sessionKey?: string;
  runId?: string;
  toolCallId?: string;
  toolName?: string;
  /** Why a person is asked. */
  warningText?: string;
  /** `exec`, `outbound`, `instructions` or `secret`. */
  risk?: string;
  allowedDecisions: ApprovalDecision[];
}

/** Payload of `exec.approval.resolved`. `decision` is `deny` for a question that nobody decided; `status` tells them apart. */
export interface ApprovalResolved {
  id: string;
  decision: ApprovalDecision;
  status: ApprovalStatus;
  resolvedBy?: string;
  ts: number;
}

/** Parameters of `exec.approval.request`: what another program of the house asks for. */
export interface ExecApprovalRequestParams {
  id?: string | null;
  command?: string | null;
  commandArgv?: string[] | null;
  cwd?: string | null;
  host?: string | null;
  agentId?: string | null;
  sessionKey?: string | null;
  resolvedPath?: string | null;
  runId?: string | null;
  toolCallId?: string | null;
  warningText?: string | null;
  timeoutMs?: number | null;
  /** Answers `accepted` first, and once more when there is a decision. */
  twoPhase?: boolean | null;
}

/** What `exec.approval.request` and `exec.approval.waitDecision` come to; no decision is a refusal. */
export interface ApprovalOutcome {
  id: string;
  decision: ApprovalDecision | null;
  createdAtMs: number;
  expiresAtMs: number;
}

export interface ApprovalIdParams {
  id: string;
}

/** Parameters of `exec.approval.resolve` and `approval.resolve`. */
export interface ApprovalResolveParams {
  id: string;
  decision: ApprovalDecision;
  /** Days after which `allow-always` is forgotten, instead of `tools.exec.grantExpiryDays`. */
  grantExpiresInDays?: number;
}

export interface ApprovalResolveResult {
  /** False when somebody had decided before. */
  applied: boolean;
  approval: ApprovalView;
}

export interface ApprovalHistoryParams {
  cursor?: string | null;
  limit?: number | null;
}

export interface ApprovalHistoryResult {
  items: ApprovalView[];
  nextCursor?: string;
}

/** The list of allowed commands in the shape of OpenClaw's `exec-approvals.json`. */
export interface ExecApprovalsFile {
  version?: number;
  socket?: unknown;
  defaults?: Record<string, unknown>;
  agents?: Record<string, ExecApprovalsAgent>;
}

/** One agent's part of it; `*` is every agent's. */
export type ExecApprovalsAgent = {
  allowlist?: AllowlistEntry[];
} & Record<string, unknown>;

export interface AllowlistEntry {
  id?: string;
  pattern?: string;
  argPattern?: string;
  source?: string;
  commandText?: string;
  lastUsedAt?: number;
  lastUsedCommand?: string;
  lastResolvedPath?: string;
}

export interface ExecApprovalsGetResult {
  path: string;
  exists: boolean;
  file: ExecApprovalsFile;
  hash: string;
  resolvedDefaults: ExecApprovalsDefaults;
}

/** What `tools.exec` comes to, in the older words. */
export interface ExecApprovalsDefaults {
  security: string;
  ask: string;
  askFallback: string;
  autoAllowSkills: boolean;
}

export interface ExecApprovalsSetParams {
  file: ExecApprovalsFile;
  baseHash?: string | null;
}

/** One entry of `exec.approval.grants.list`. */
export interface ExecGrantView {
  id: string;
  agentId: string;
  pattern: string;
  argPattern?: string;
  source?: string;
  commandText?: string;
  createdAtMs: number;
  expiresAtMs?: number;
  lastUsedAtMs?: number;
}

export interface ExecGrantsListResult {
  grants: ExecGrantView[];
}

export interface ExecGrantRevokeParams {
  grantId: string;
}

// crates/protocol/src/methods/channels.rs

export interface ChannelsStatusParams {
  /** Asks the platforms as well: who we are there, and what is missing. */
  probe?: boolean;
  /** Longest time for one platform, in milliseconds. */
  timeoutMs?: number;
  /** Only this channel. */
  channel?: string;
}

export interface ChannelsStatusResult {
  ts: number;
  channelOrder: string[];
  channelLabels: Record<string, string>;
  /** By channel: how its default account stands. */
  channels: Record<string, ChannelAccountStatus>;
  channelAccounts: Record<string, ChannelAccountStatus[]>;
  channelDefaultAccountId: Record<string, string>;
  /** What is not as it should be, one plain sentence each. */
  warnings?: string[];
  statusIssues?: ChannelIssue[];
}

/** One account. Times are Unix milliseconds. */
export interface ChannelAccountStatus {
  accountId: string;
  /** Who we are there, once known. */
  name?: string;
  enabled: boolean;
  /** There is a token to try. */
  configured: boolean;
  /** Somebody keeps it open. */
  running: boolean;
  /** The inbound side has proved itself within 90 s. */
  connected: boolean;
  /** `stopped`, `connecting`, `connected`, `reconnecting`, `failed`, or `silent`: connected as it says, and not heard of. */
  healthState: string;
  reconnectAttempts: number;
  lastConnectedAt: number | null;
  lastError: string | null;
  lastStartAt: number | null;
  lastInboundAt: number | null;
  lastOutboundAt: number | null;
  /** Last proof that the inbound side lives. */
  lastTransportActivityAt: number | null;
  /** `socket`, `polling` or `webhook`. */
  mode: string;
  dmPolicy?: string;
  /** `env` or `config`. */
  tokenSource?: string;
  lastProbeAt?: number;
  probe?: ChannelProbe;
}

/** What the platform said when it was asked. */
export interface ChannelProbe {
  ok: boolean;
  identity?: string;
  error?: string;
  /** What is missing, one plain sentence each. */
  warnings: string[];
  /** Facts for people, in order. */
  facts: [string, string][];
  elapsedMs: number;
}

export interface ChannelIssue {
  channel: string;
  accountId: string;
  /** `permissions`, `config` or `runtime`, of the reference system's words. */
  kind: string;
  message: string;
}

/** Of `channels.start` and `channels.stop`. */
export interface ChannelParams {
  channel: string;
  /** All of the channel when absent. */
  accountId?: string;
}

/** Result of `channels.logout`. */
export interface ChannelLogoutResult {
  channel: string;
  accountId: string;
  /** Whether a stored login is gone. Never for a platform whose bots hold a token: that stands where its owner wrote it. */
  cleared: boolean;
  /** The account is stopped, and stays so until it is started or the gateway is. */
  loggedOut: boolean;
  /** The token comes from the environment. */
  envToken: boolean;
  /** What is left to do, in words. */
  message: string;
}

/** Of `web.login.start` and `web.login.wait`. */
export interface WebLoginParams {
  channel?: string | null;
}

export interface ChannelChangedResult {
  channel: string;
  accountIds: string[];
}

/** Of `channels.pairing.list`. */
export interface PairingListParams {
  /** Only this channel. */
  channel?: string;
  /** Only this account of it. */
  accountId?: string;
}

/** The first two are for our own clients, the rest is what the stock page reads. */
export interface PairingListResult {
  /** Strangers who wait with a code. */
  pending: PendingSender[];
  /** People who were let in. */
  paired: PairedPerson[];
  /** Accounts that give strangers codes. */
  accounts: PairingAccount[];
  /** `pending` in the reference system's shape. */
  requests: PairingRequest[];
  /** Somebody is an owner already, so nobody becomes one by being let in. */
  commandOwnerConfigured: boolean;
  limits: PairingLimits;
}

export interface PairingAccount {
  channel: string;
  channelLabel: string;
  accountId: string;
  /** Whether the person can be told that they were let in. */
  notifySupported: boolean;
}

export interface PairingRequest {
  /** Names it in `channels.pairing.approve` and `channels.pairing.dismiss`; the code. */
  requestId: string;
  channel: string;
  channelLabel: string;
  accountId: string;
  senderId: string;
  /** What kind of id that is. */
  senderLabel: string;
  /** What the platform says of the person. */
  metadata?: Record<string, string>;
  /** RFC 3339, like the two below. */
  createdAt: string;
  /** The first message: later ones of somebody who waits are not kept. */
  lastSeenAt: string;
  expiresAt: string;
  notifySupported: boolean;
}

export interface PairingLimits {
  pendingPerAccount: number;
  ttlMs: number;
}

export interface PendingSender {
  channel: string;
  accountId: string;
  sender: string;
  name: string;
  code: string;
  requestedAtMs: number;
  expiresAtMs: number;
}

export interface PairedPerson {
  channel: string;
  accountId: string;
  sender: string;
  name: string;
  owner: boolean;
  approvedAtMs: number;
}

/**
 * Of `channels.pairing.approve`, `channels.pairing.reject` and `channels.pairing.dismiss`. A code is unique within its channel,
 * so that the `accountId` that stock clients send along decides nothing.
 */
export interface PairingCodeParams {
  channel: string;
  code: string;
  /** Of `approve`: whether the person is told; yes when absent. */
  notify?: boolean;
  /** Of `approve`: whether the person may become the owner when there is none; yes when absent. */
  bootstrapCommandOwner?: boolean;
}

/** Of `channels.pairing.approve`: the person, and what the stock page reads. */
export type PairingApprovedResult = {
  /** `sent` (the outbox has it) or `not-requested`. */
  notification: string;
  /** `configured`, `already-configured` or `not-requested`. */
  commandOwnerBootstrap: string;
} & PairedPerson & PairingDismissedResult;

/** Of `channels.pairing.dismiss`. */
export interface PairingDismissedResult {
  requestId: string;
  senderId: string;
}

/** Of `channels.pairing.remove`. */
export interface PairedSenderParams {
  channel: string;
  /** On every account of the channel when absent. */
  accountId?: string;
  sender: string;
}

/** Of `channels.deadLetters.list`. */
export interface DeadLettersParams {
  limit?: number;
}

export interface DeadLettersResult {
  /** Newest first. */
  letters: DeadLetter[];
}

/** A reply that was given up. */
export interface DeadLetter {
  id: number;
  channel: string;
  accountId: string;
  chat: string;
  sessionKey: string;
  /** The beginning of what was to be said. */
  text: string;
  attempts: number;
  /** Parts of it that the platform has. */
  partsSent: number;
  error: string | null;
  createdAtMs: number;
}

/** Of `channels.deadLetters.retry` and `channels.deadLetters.discard`. */
export interface DeadLetterParams {
  /** All of them when absent. */
  id?: number;
}

export interface DeadLettersChangedResult {
  ids: number[];
}

// crates/protocol/src/methods/chat.rs

/** Parameters of `chat.send`. The idempotency key doubles as the run id. */
export interface ChatSendParams {
  sessionKey: string;
  message: string;
  agentId?: string;
  /** Refuses when the session key has another conversation behind it by now. */
  sessionId?: string;
  thinking?: string;
  /** What to do while a turn runs: `steer`, `followup`, `collect` or `interrupt`. */
  queueMode?: QueueMode;
  deliver?: boolean;
  attachments?: ChatAttachment[];
  timeoutMs?: number;
  /** The message is no command even when it starts with a slash. */
  suppressCommandInterpretation?: boolean;
  /** Required from callers; made up when an old client leaves it out. */
  idempotencyKey?: string;
}

/** What happens to a message that arrives while a turn runs. */
export type QueueMode =
  /** Goes into the running turn, before its next call to the model. */
  | "steer"
  /** Its own turn, in order. */
  | "followup"
  /** One turn for all that wait. */
  | "collect"
  /** Stops the running turn and takes its place. */
  | "interrupt";

/** A file that comes with a message. `content` is base64 text, or January's Node buffer object. */
export interface ChatAttachment {
  type?: string;
  mimeType?: string;
  fileName?: string;
  content?: unknown;
  sizeBytes?: number;
}

/** Answer to `chat.send`; the reply itself comes as events. */
export interface ChatSendResult {
  runId: string;
  status: ChatSendStatus;
}

export type ChatSendStatus =
  | "started"
  /** The same key again while its run goes on. */
  | "in_flight"
  /** The same key again after its run ended. */
  | "ok";

/** Parameters of `chat.history` and `chat.startup`. */
export interface ChatHistoryParams {
  sessionKey: string;
  agentId?: string;
  sessionId?: string;
  /** The `deltaCursor` of an earlier answer: only what came since, oldest first. */
  cursor?: string;
  /** Messages, 1 to 1,000. */
  limit?: number;
  /** Messages to skip, from the newest. */
  offset?: number;
  maxBytes?: number;
  /** Characters of one message before it is cut. */
  maxChars?: number;
  /** A page around this message instead of the newest one. */
  messageId?: string;
  /** Runs whose input is part of the answer even when it stands before the page; at most 50. */
  inputRunIds?: string[];
}

/** Result of `chat.history` and `chat.startup`. Messages are in transcript form, oldest first. */
export interface ChatHistoryResult {
  sessionKey: string;
  sessionId?: string;
  messages: unknown[];
  hasMore: boolean;
  totalMessages: number;
  deltaCursor?: string;
  thinkingLevel?: string;
  /** `{items, total}`: messages that wait for their turn. */
  pendingInputs?: unknown;
  defaults?: unknown;
  sessionInfo?: unknown;
}

/** Parameters of `chat.abort`. Without a run id, every run of the session stops. */
export interface ChatAbortParams {
  sessionKey: string;
  agentId?: string;
  runId?: string;
}

export interface ChatAbortResult {
  ok: boolean;
  aborted: boolean;
  runIds: string[];
}

/** Parameters of `chat.inject`: an assistant message without a turn. */
export interface ChatInjectParams {
  sessionKey: string;
  message: string;
  agentId?: string;
  label?: string;
}

export interface ChatInjectResult {
  ok: boolean;
  messageId: string;
}

/** Parameters of `chat.metadata`. */
export interface ChatMetadataParams {
  agentId?: string | null;
  sessionKey?: string | null;
}

export interface ChatMetadataResult {
  models: ModelRow[];
  commands: ChatCommand[];
}

/** A slash command. */
export interface ChatCommand {
  name: string;
  /** As platforms' own menus have it. */
  nativeName?: string;
  textAliases: string[];
  description: string;
  category: string;
  source: string;
  scope: string;
  acceptsArgs: boolean;
  args?: CommandArgRow[];
}

/** An argument of a slash command. */
export interface CommandArgRow {
  name: string;
  description: string;
  /** `string`, `number` or `boolean`. */
  type: string;
  choices?: CommandChoice[];
  /** What it may be changes with the configuration. */
  dynamic?: boolean;
}

/** One value that an argument may have. */
export interface CommandChoice {
  value: string;
  label: string;
}

/** Parameters of `commands.list`. */
export interface CommandsListParams {
  /** `false` leaves the arguments out. */
  includeArgs?: boolean;
}

// crates/protocol/src/methods/config.rs

/** Result of `config.get`. */
export interface ConfigGetResult {
  path: string;
  exists: boolean;
  /** The file's text, only when it holds no secret. */
  raw: string | null;
  /** What the file says, redacted. */
  parsed: unknown;
  valid: boolean;
  /** What is in force, redacted. */
  config: unknown;
  /** Pass it as `baseHash` with a write. */
  hash: string;
  issues: ConfigIssue[];
  warnings: ConfigIssue[];
  legacyIssues: ConfigIssue[];
}

export interface ConfigIssue {
  path: string;
  message: string;
}

/** Parameters of `config.set`, `config.patch` and `config.apply`. `raw` is JSON5: the whole file, or a merge patch. */
export interface ConfigWriteParams {
  raw: string;
  /** Hash from `config.get`. A write on another state is refused. */
  baseHash?: string;
  note?: string;
  /** Paths that a patch replaces as a whole instead of merging. */
  replacePaths?: string[];
}

/** Result of a write. */
export interface ConfigWriteResult {
  ok: boolean;
  path: string;
  hash: string;
  /** What is in force now, redacted. */
  config: unknown;
  changedPaths: string[];
  /** Changed paths that take effect at the next start only. */
  requiresRestart: string[];
}

/** Result of `config.schema`. */
export interface ConfigSchemaResult {
  schema: unknown;
  /** By path: label and help for forms. */
  uiHints: unknown;
  version: string;
}

/** Of `config.schema.lookup`. */
export interface ConfigLookupParams {
  /** Keys between dots; `*` stands for any key of a map or element of a list, `.` for the whole. */
  path: string;
}

/** Result of `config.schema.lookup`: one place of the configuration and what stands right below it. */
export interface ConfigLookupResult {
  path: string;
  /** Without what stands below. */
  schema: unknown;
  /** `hot`, `restart` or `none`. */
  reloadKind: string;
  hint?: ConfigHint;
  children: ConfigLookupChild[];
}

/** A key right below. */
export interface ConfigLookupChild {
  key: string;
  path: string;
  /** A text or a list of texts. */
  type?: unknown;
  required: boolean;
  hasChildren: boolean;
  reloadKind: string;
  hint?: ConfigHint;
}

/** Words for forms. */
export interface ConfigHint {
  help?: string;
  sensitive?: boolean;
}

// crates/protocol/src/methods/devices.rs

/** Result of `device.pair.list`. */
export interface DevicePairListResult {
  pending: DevicePairRequested[];
  paired: PairedDevice[];
}

export interface PairedDevice {
  deviceId: DeviceId;
  publicKey: string;
  displayName?: string;
  platform?: string;
  deviceFamily?: string;
  clientId?: string;
  clientMode?: string;
  role: string;
  roles: string[];
  scopes: string[];
  approvedVia: string;
  createdAtMs: number;
  approvedAtMs: number;
  lastSeenAtMs: number;
  connected: boolean;
  tokens: DeviceTokenSummary[];
}

/** A token without its value. */
export interface DeviceTokenSummary {
  role: string;
  scopes: string[];
  createdAtMs: number;
}

/** Parameters of `device.pair.approve` and `device.pair.reject`. */
export interface PairRequestParams {
  requestId: string;
}

/** Parameters of `device.pair.remove`. */
export interface DeviceParams {
  deviceId: DeviceId;
}

/** Parameters of `device.token.rotate` and `device.token.revoke`. */
export interface DeviceTokenParams {
  deviceId: DeviceId;
  role: string;
  /** For `rotate`: a subset of what the device holds. */
  scopes?: string[];
}

/** Result of `device.token.rotate`: the only time that the token is shown. */
export interface DeviceTokenRotateResult {
  deviceId: DeviceId;
  role: string;
  token: string;
  scopes: string[];
  rotatedAtMs: number;
}

/** Result of `device.link.create`: what a link to the page carries behind `#link=`. Ours. */
export interface DeviceLinkResult {
  /** Shown to a connect as `auth.bootstrapToken`, by a client with a device key; worth nothing after that. */
  token: string;
  expiresAtMs: number;
}

// crates/protocol/src/methods/health.rs

/** Result of `health`, payload of the `health` event, and part of the hello. */
export interface HealthSnapshot {
  /** Nothing is degraded. */
  ok: boolean;
  ts: number;
  durationMs: number;
  uptimeMs: number;
  version: string;
  configReload: ConfigReloadHealth;
  /** By channel; empty while no channel is configured. */
  channels: Record<string, unknown>;
  channelOrder: string[];
  channelLabels: Record<string, unknown>;
  /** 0: heartbeats are off. */
  heartbeatSeconds: number;
  defaultAgentId: AgentId;
  agents: AgentHealth[];
  sessions: SessionsHealth;
  /** What is not as it should be, in words: `config: 2 problems`. */
  degraded: string[];
}

export interface ConfigReloadHealth {
  /** `watching` or `off`. */
  hotReloadStatus: string;
}

export interface AgentHealth {
  agentId: AgentId;
  isDefault: boolean;
  sessions: SessionsHealth;
}

export interface SessionsHealth {
  /** The file that holds them; empty for whom it is not. */
  path: string;
  count: number;
  recent: RecentSession[];
}

export interface RecentSession {
  key: string;
  updatedAt: number;
  /** Milliseconds since `updated_at`. */
  age: number;
}

// crates/protocol/src/methods/hooks.rs

export interface HooksStatusParams {
  agentId?: string | null;
}

/** Its report. Such modules are JavaScript and never run here, so that `hooks` is always empty. */
export interface HooksStatusResult {
  workspaceDir: string;
  managedHooksDir: string;
  hooks: unknown[];
}

// crates/protocol/src/methods/identity.rs

/** The gateway's own key, made at the first start. */
export interface GatewayIdentity {
  deviceId: DeviceId;
  /** base64url of the raw Ed25519 key. */
  publicKey: string;
}

// crates/protocol/src/methods/logs.rs

export interface LogsTailParams {
  /** Where the last answer ended; the file's end minus `maxBytes` when absent. */
  cursor?: number;
  /** Lines, 1 to 5,000. */
  limit?: number;
  /** Bytes, 1 to 1,000,000. */
  maxBytes?: number;
}

export interface LogsTailResult {
  file: string;
  /** Pass it with the next call. */
  cursor: number;
  size: number;
  lines: string[];
  /** Older lines were left out. */
  truncated: boolean;
  /** The file is another one than the cursor's (it rotated). */
  reset: boolean;
}

// crates/protocol/src/methods/message.rs

/** Parameters of `send`. */
export type SendParams = {
  /** The chat, as its channel names it. */
  to?: string;
  /** Markdown. */
  message?: string | null;
  /** Needed where several channels are configured. */
  channel?: string;
  /** The first account of the channel without it. */
  accountId?: string;
  threadId?: unknown;
  replyToId?: unknown;
  /** In whose name. */
  agentId?: string;
  sessionKey?: string;
  /** Names the message: the same name for the same chat sends nothing again, and answers what became of it. */
  idempotencyKey?: string;
} & Record<string, unknown>;

/** Parameters of `message.action`. */
export interface MessageActionParams {
  channel?: string;
  /** `send`, `react`, `edit` or `delete`. */
  action?: string;
  /** What the action takes: `to` (or `target`), `message`, `messageId`, `emoji`, … */
  params?: Record<string, unknown>;
  accountId?: string;
  agentId?: string;
  sessionKey?: string;
  idempotencyKey?: string;
}

/** The platform has the message. */
export interface SentResult {
  /** The idempotency key. */
  runId: string;
  /** The platform's id of the last part. */
  messageId: string;
  /** Of every part, in order. */
  messageIds: string[];
  channel: string;
  accountId: string;
  chatId: string;
}

/** The answer of `message.action` for `send`. */
export interface SendActionResult {
  ok: boolean;
  channel: string;
  to: string;
  /** `gateway`. */
  via: string;
  /** `sent`. */
  deliveryStatus: string;
  messageId: string;
  result: SentResult;
}

// crates/protocol/src/methods/models.rs

export interface ModelsListParams {
  agentId?: string | null;
  sessionKey?: string | null;
  /** `default`, `configured`, `provider-config` or `all`. */
  view?: string | null;
  provider?: string | null;
}

export interface ModelsListResult {
  models: ModelRow[];
}

export interface ModelRow {
  id: string;
  name: string;
  provider: string;
  contextWindow: number;
  reasoning: boolean;
  input: string[];
  /** A key is there, or none is needed. */
  available: boolean;
  tags: string[];
}

export interface ModelsAuthStatusResult {
  ts: number;
  /** The model that answers for the default agent. */
  model?: string;
  /** The models that are tried when it fails, in order. */
  fallbacks: string[];
  providers: ProviderAuth[];
  /** What is left alone after a failure. */
  cooldowns: CooldownRow[];
}

/** A credential, or one model of it, that is not called for a while. */
export interface CooldownRow {
  provider: string;
  profileId: string;
  /** `None`: every model. */
  model?: string;
  /** `rate_limit`, `overloaded`, `timeout`, `billing`, `auth` or `model_not_found`. */
  reason: string;
  /** Unix milliseconds; `None` until the key changes or the configuration is read again. */
  until?: number;
}

/** One credential of a provider; never with its key. */
export interface AuthProfileRow {
  profileId: string;
  /** `api_key` or `token`. */
  type: string;
  label?: string;
  source: string;
  /** `ok`, `cooldown` (no model of it is called until `until`) or `disabled` (its key was refused). */
  status: string;
  until?: number;
}

export interface ProviderAuth {
  provider: string;
  displayName: string;
  /** `ok` or `missing`. */
  status: string;
  profiles: AuthProfileRow[];
  /** `None` where a key is missing, and where none is needed. */
  apiKey?: ApiKeySource;
}

export interface ApiKeySource {
  /** Where the key comes from: `env:ANTHROPIC_API_KEY`, or `config:models.providers.anthropic.apiKey`; never the key. */
  source: string;
}

// crates/protocol/src/methods/nodes.rs

/** Result of `node.list`. */
export interface NodeListResult {
  ts: number;
  nodes: NodeRow[];
}

/** One node. Times are Unix milliseconds. */
export interface NodeRow {
  nodeId: DeviceId;
  displayName?: string;
  platform?: string;
  deviceFamily?: string;
  /** What it says of itself while it is connected. */
  version?: string;
  remoteIp?: string;
  caps: string[];
  commands: string[];
  paired: boolean;
  connected: boolean;
  connectedAtMs?: number;
  approvedAtMs?: number;
  lastSeenAtMs?: number;
}

/** Of `node.describe` and `node.pair.remove`. */
export interface NodeParams {
  nodeId: DeviceId;
}

/** Of `node.rename`. */
export interface NodeRenameParams {
  nodeId: DeviceId;
  displayName: string;
}

/** Of `node.pair.verify`. */
export interface NodeVerifyParams {
  nodeId: DeviceId;
  token: string;
}

/** Result of `node.pair.list`. */
export interface NodePairListResult {
  pending: NodePending[];
  paired: NodeRow[];
}

/** A node that waits to be let in. */
export interface NodePending {
  requestId: string;
  nodeId: DeviceId;
  displayName?: string;
  platform?: string;
  deviceFamily?: string;
  remoteIp?: string;
  isRepair: boolean;
  ts: number;
}

/** Of `node.invoke`. */
export interface NodeInvokeParams {
  nodeId: DeviceId;
  command: string;
  params?: unknown;
  /** How long the node may take. Default: 30 s. */
  timeoutMs?: number | null;
  idempotencyKey: string;
}

/** Event `node.invoke.request`, to the node alone. */
export interface NodeInvokeRequest {
  id: string;
  nodeId: DeviceId;
  command: string;
  paramsJSON: string | null;
  timeoutMs: number;
  idempotencyKey: string;
}

/** Of `node.invoke.result`, from the node. */
export interface NodeInvokeOutcome {
  id: string;
  nodeId: DeviceId;
  ok: boolean;
  payload: unknown;
  payloadJSON: string | null;
  error: NodeError | null;
}

/** Why a node could not. */
export interface NodeError {
  code: string | null;
  message: string | null;
}

/** Of `node.event`, from a node. */
export interface NodeEventParams {
  event: string;
}

// crates/protocol/src/methods/plugins.rs

export interface PluginsListResult {
  plugins: PluginRow[];
  diagnostics: unknown[];
  /** Never: nothing is installed into this program. */
  mutationAllowed: boolean;
}

export interface PluginRow {
  id: string;
  name: string;
  description?: string;
  version: string;
  kind: string[];
  /** `bundled`. */
  origin: string;
  installed: boolean;
  enabled: boolean;
  /** `enabled`, `disabled`, `needs-setup` or `error`. */
  state: string;
  channelIds?: string[];
  error?: string;
}

// crates/protocol/src/methods/sessions.rs

/** Parameters of `sessions.list`, and optionally of `sessions.subscribe`. */
export interface SessionsListParams {
  limit?: number | null;
  offset?: number | null;
  activeMinutes?: number | null;
  agentId?: string | null;
  search?: string | null;
  label?: string | null;
  spawnedBy?: string | null;
  includeDerivedTitles?: boolean | null;
  includeLastMessage?: boolean | null;
  includeGlobal?: boolean | null;
  includeUnknown?: boolean | null;
  /** `true`, `false` or `"all"`. */
  archived?: unknown;
}

export interface SessionsListResult {
  ts: number;
  path: string;
  count: number;
  totalCount: number;
  limitApplied: number;
  nextOffset?: number;
  hasMore: boolean;
  defaults: SessionListDefaults;
  sessions: SessionRow[];
}

export interface SessionListDefaults {
  modelProvider: string | null;
  model: string | null;
  contextTokens: number | null;
}

/** One session as clients show it. */
export interface SessionRow {
  key: string;
  /** `direct`, `group`, `global` or `unknown`. */
  kind: string;
  sessionId?: string;
  agentId?: string;
  label?: string;
  displayName?: string;
  derivedTitle?: string;
  lastMessagePreview?: string;
  channel?: string;
  chatType?: string;
  isMain: boolean;
  updatedAt: number | null;
  createdAt?: number;
  lastActivityAt?: number;
  lastInteractionAt?: number;
  archived: boolean;
  pinned: boolean;
  unread: boolean;
  /** `queued`, `running`, `done`, `failed`, `killed` or `timeout`. */
  status?: string;
  lastRunId?: string;
  lastRunError?: string;
  abortedLastRun: boolean;
  /** A turn runs or waits now. */
  hasActiveRun: boolean;
  activeRunIds: string[];
  /** When the running turn began. */
  startedAt?: number;
  category?: string;
  modelProvider?: string;
  model?: string;
  /** `user` when the session has a model of its own. */
  modelOverrideSource?: string;
  thinkingLevel?: string;
  /** How hard the model thinks when the session doesn't say. */
  thinkingDefault?: string;
  verboseLevel?: string;
  reasoningLevel?: string;
  /** `off`, `tokens` or `full`, where the session has its own. */
  responseUsage?: string;
  effectiveResponseUsage?: string;
  /** `allow` or `deny`, where the session has its own. */
  sendPolicy?: string;
  /** `mention` or `always`, where the session has its own. */
  groupActivation?: string;
  /** `steer`, `followup`, `collect` or `interrupt`, where the session has its own. */
  queueMode?: string;
  effectiveQueueMode?: string;
  queueDebounceMs?: number;
  queueCap?: number;
  /** `old`, `new` or `summarize`, where the session has its own. */
  queueDrop?: string;
  inputTokens?: number;
  outputTokens?: number;
  /** Tokens in the context at the last call. */
  totalTokens?: number;
  /** Tokens that fit in the context. */
  contextTokens?: number;
  estimatedCostUsd?: number;
}

/** Parameters of methods that name one session: `sessions.get`, `describe`, `messages.subscribe`, … */
export interface SessionKeyParams {
  key: string;
  agentId?: string;
  /** For `sessions.get`: messages, newest kept. */
  limit?: number;
  includeApprovals?: boolean;
}

/** Result of `sessions.describe`. */
export interface SessionDescribeResult {
  session: SessionRow | null;
}

/** Parameters of `sessions.search`. Others are refused: a filter that is passed over would show too much. */
export interface SessionsSearchParams {
  /** Words; what holds all of them is found, or, where nothing does, what holds some. */
  query: string;
  limit?: number;
}

/** Result of `sessions.search`, best first. */
export interface SessionsSearchResult {
  results: SearchHitRow[];
}

/** Words that were said in a conversation, be it the current one of its session or one before a reset. */
export interface SearchHitRow {
  key: string;
  /** The conversation. */
  sessionId: string;
  /** `user`, `assistant`, `tool_results`, `note` or `compaction`. */
  kind: string;
  /** Unix milliseconds. */
  at: number;
  /** The best passage, with matches between `«` and `»`. */
  snippet: string;
}

/** Parameters of `sessions.patch`: an absent field stays, `null` clears it. */
export interface SessionsPatchParams {
  key?: string;
  agentId?: string;
  label?: string | null;
  model?: string | null;
  thinkingLevel?: string | null;
  verboseLevel?: string | null;
  reasoningLevel?: string | null;
  responseUsage?: string | null;
  groupActivation?: string | null;
  sendPolicy?: string | null;
  queueMode?: string | null;
  archived?: boolean;
  pinned?: boolean;
  unread?: boolean;
}

/** Result of `sessions.patch`. */
export interface SessionsPatchResult {
  ok: boolean;
  path: string;
  key: string;
  entry: unknown;
  resolved?: unknown;
}

/** Parameters of `sessions.reset`. */
export interface SessionsResetParams {
  key: string;
  agentId?: string;
  /** `new` or `reset`. */
  reason?: string;
  expectedSessionId?: string;
}

/** Result of `sessions.reset`. */
export interface SessionsResetResult {
  ok: boolean;
  key: string;
  entry: unknown;
}

/** Parameters of `sessions.delete`. */
export interface SessionsDeleteParams {
  key: string;
  agentId?: string;
  /** The transcript goes too; true by default. */
  deleteTranscript?: boolean;
  archivedOnly?: boolean;
}

/** Result of `sessions.delete`. */
export interface SessionsDeleteResult {
  ok: boolean;
  key: string;
  deleted: boolean;
  archived: string[];
}

/** Result of `sessions.subscribe` and of `sessions.messages.subscribe` (with the canonical key). */
export interface SubscribeResult {
  subscribed: boolean;
  key?: string;
  list?: SessionsListResult;
}

/** Of `sessions.branches.list`. */
export interface SessionBranchesParams {
  sessionKey: string;
  agentId?: string;
}

export interface SessionBranchesResult {
  branches: SessionBranch[];
}

/** One line of a conversation, named by its newest item. */
export interface SessionBranch {
  leafEntryId: ItemId;
  /** The newest words. */
  headline: string;
  messageCount: number;
  /** RFC 3339. */
  updatedAt?: string;
  active: boolean;
}

// crates/protocol/src/methods/skills.rs

export interface SkillsStatusParams {
  agentId?: string | null;
  sessionKey?: string | null;
}

export interface SkillsStatusResult {
  workspaceDir: string;
  managedSkillsDir: string;
  agentId: string;
  skills: SkillRow[];
}

export interface SkillRow {
  name: string;
  description: string;
  /** `openclaw-workspace`, `openclaw-managed`, `openclaw-extra` or `openclaw-bundled`. */
  source: string;
  bundled: boolean;
  filePath: string;
  baseDir: string;
  skillKey: string;
  emoji?: string;
  homepage?: string;
  always: boolean;
  disabled: boolean;
  /** All requirements are met, and nothing disables it. */
  eligible: boolean;
  requirements: SkillNeeds;
  missing: SkillNeeds;
  install: SkillInstallRow[];
  integrity: SkillIntegrityRow;
}

/** How something that a skill needs gets onto the machine. */
export interface SkillInstallRow {
  id: string;
  kind: string;
  label: string;
  bins: string[];
  /** What a person types. Of this implementation. */
  command?: string;
}

/** What is known of a skill's files. Of this implementation. */
export interface SkillIntegrityRow {
  /** `bundled`, `pinned`, `changed`, `own` or `flagged`. */
  state: string;
  hash?: string;
  /** Why it is not used. */
  problem?: string;
  /** `{kind: "clawhub", registry, slug, version}` or `{kind: "upload"}`. */
  origin?: unknown;
}

export interface SkillNeeds {
  bins: string[];
  anyBins: string[];
  env: string[];
  config: string[];
  os: string[];
}

/** Parameters of `skills.search`. */
export interface SkillsSearchParams {
  /** Words that must all be there. */
  query?: string | null;
  limit?: number | null;
}

export interface SkillsSearchResult {
  results: SkillSearchRow[];
}

/** A skill of the registry. */
export interface SkillSearchRow {
  score: number;
  slug: string;
  displayName: string;
  summary?: string;
  version?: string;
  updatedAt?: number;
}

/** Parameters of `skills.detail`. */
export interface SkillsDetailParams {
  slug: string;
}

/**
 * Parameters of `skills.install`: `source` says which of its three forms they are; without one, `name` and `installId` ask for
 * something that a skill needs.
 */
export interface SkillsInstallParams {
  agentId?: string;
  /** `clawhub` or `upload`. */
  source?: string;
  slug?: string;
  version?: string;
  uploadId?: string;
  /** Of the archive. */
  sha256?: string;
  force?: boolean;
  timeoutMs?: number;
  name?: string;
  installId?: string;
  /**
   * The hash that the files must have. Together with `force` it also accepts what a scan finds in exactly them. Of this
   * implementation.
   */
  hash?: string;
  /** Say what would be installed, and change nothing. Of this implementation. */
  dryRun?: boolean;
}

/** What `skills.install` did, and what it would do with `dryRun`. */
export interface SkillsInstallResult {
  ok: boolean;
  /** For people. */
  message: string;
  slug: string;
  version?: string;
  targetDir: string;
  /** Of all files; what is pinned. */
  hash: string;
  /** `installed`, `updated`, `unchanged` or `planned`. */
  outcome: string;
  /** Whether it would need `force` and `hash`. */
  blocked: boolean;
  changes: SkillChanges;
  findings: SkillFinding[];
}

/** Files that differ from those that are there. */
export interface SkillChanges {
  added: string[];
  changed: string[];
  removed: string[];
}

/** One thing that a scan found. */
export interface SkillFinding {
  /** `critical`, `warning` or `info`. */
  severity: string;
  rule: string;
  file: string;
  /** From 1; 0 where it is about the whole file. */
  line: number;
  what: string;
  why: string;
}

/** Parameters of `skills.update`: settings of a skill by `skillKey`, or new versions with `source: "clawhub"`. */
export interface SkillsUpdateParams {
  skillKey?: string;
  enabled?: boolean;
  /** An empty text takes it out. */
  apiKey?: string;
  /** An empty text takes a variable out. */
  env?: Record<string, string>;
  agentId?: string;
  source?: string;
  slug?: string;
  all?: boolean;
  force?: boolean;
  /** As for `skills.install`; for one skill only. Of this implementation. */
  hash?: string;
  /** Of this implementation. */
  dryRun?: boolean;
}

/** What became of one skill that was to be updated. */
export interface SkillUpdateRow {
  slug: string;
  ok: boolean;
  previousVersion?: string;
  /** What was installed, or would be. */
  installed?: SkillsInstallResult;
  error?: string;
  /** A short name of what is wrong, as in the details of an error. */
  code?: string;
}

/** Parameters of `skills.remove`, `skills.scan` and `skills.accept`, which are of this implementation. */
export interface SkillNamedParams {
  skillKey?: string;
  agentId?: string;
  /** `skills.accept`: the files that were read, by their hash. */
  hash?: string;
}

/** What `skills.scan` found. */
export interface SkillsScanResult {
  skillKey: string;
  hash: string;
  findings: SkillFinding[];
}

/** Parameters of `skills.upload.begin`. */
export interface SkillUploadBeginParams {
  /** `skill-archive`. */
  kind?: string;
  slug?: string;
  sizeBytes?: number;
  sha256?: string;
  force?: boolean;
  idempotencyKey?: string;
}

/** Parameters of `skills.upload.chunk`. */
export interface SkillUploadChunkParams {
  uploadId?: string;
  /** Bytes that were sent before. */
  offset?: number;
  dataBase64?: string;
}

/** Parameters of `skills.upload.commit`. */
export interface SkillUploadCommitParams {
  uploadId?: string;
  sha256?: string;
}

/** How far an upload is. */
export interface SkillUploadResult {
  uploadId: string;
  receivedBytes: number;
  sizeBytes: number;
  /** Unix milliseconds when it is forgotten. */
  expiresAt: number;
  sha256?: string;
}

// crates/protocol/src/methods/status.rs

export interface StatusResult {
  runtimeVersion: string;
  uptimeMs: number;
  pid: number;
  configPath: string;
  stateDir: string;
  /** The hosted machine that it runs on, if it does. Absent in the reference system. */
  machine?: StatusMachine;
  heartbeat: StatusHeartbeat;
  channelSummary: string[];
  queuedSystemEvents: unknown[];
  sessions: StatusSessions;
  /** Models and credentials that are not called for a while. */
  cooldowns: CooldownRow[];
  /** The limits of the day on what models may use: of all agents together, and of each. */
  budgets: BudgetRow[];
  /** What is wrong with the configuration, one line each. */
  problems: string[];
  /** How much is in use of what may be. Ours. */
  limits: StatusLimits;
  /** What commands run in, and what is not kept from them; one line for people. Ours. */
  sandbox: string;
}

/** Memory and disk. Zero where nothing is known yet. */
export interface StatusLimits {
  memory: StatusMemory;
  disk: StatusDisk;
}

/** Bytes of memory. */
export interface StatusMemory {
  used: number;
  limit: number;
  /** Above it, nothing new is begun. */
  highWater: number;
  /** Nothing new is begun now. */
  high: boolean;
}

/** Bytes of the state dir and its volume. */
export interface StatusDisk {
  used: number;
  quota: number;
  /** Left on the volume. */
  free: number;
  /** `calm`, `near` (only what is needed is written) or `full` (no message is accepted). */
  level: string;
}

/** A limit on what models may use, and how much of it is used. */
export interface BudgetRow {
  /** `day`, `agent` (of which `id` says which, and also a day) or `session`. */
  scope: string;
  /** Of the agent or of the conversation. */
  id?: string;
  /** `tokens` or `usd`. */
  unit: string;
  used: number;
  limit: number;
  /** In a budget of money: calls that don't count because their price is not known. */
  unpricedCalls: number;
  /** Unix milliseconds; `None` with a new conversation. */
  resetsAt?: number;
}

/** A machine of a platform, in the platform's own names. */
export interface StatusMachine {
  /** `fly`. */
  platform: string;
  app: string;
  region: string | null;
  id: string | null;
}

export interface StatusHeartbeat {
  defaultAgentId: AgentId;
  agents: StatusHeartbeatAgent[];
}

export interface StatusHeartbeatAgent {
  agentId: AgentId;
  enabled: boolean;
  every: string;
  everyMs: number;
}

export interface StatusSessions {
  paths: string[];
  count: number;
  defaults: StatusDefaults;
  recent: RecentSession[];
}

export interface StatusDefaults {
  /** `provider/model` that answers by default. */
  model: string | null;
  contextTokens: number | null;
}

// crates/protocol/src/methods/system.rs

/** Result of `system.info`. Sizes are bytes. */
export interface SystemInfoResult {
  machineName: string;
  hostname: string;
  /** `linux`, as in `std::env::consts::OS`. */
  platform: string;
  /** The kernel's. */
  release: string;
  arch: string;
  /** For people: the distribution's name, else the kernel's. */
  osLabel: string;
  /** The field that pages show as the version of what runs the gateway; there is no Node.js here, so it names the program itself. */
  nodeVersion: string;
  pid: number;
  processInstanceId: string;
  uptimeMs: number;
  cpuCount: number;
  cpuModel?: string;
  /** Over one, five and fifteen minutes. */
  loadAverage?: number[];
  memoryTotalBytes: number;
  memoryFreeBytes: number;
  diskTotalBytes?: number;
  diskAvailableBytes?: number;
  diskPath?: string;
}

/** Result of `environments.list`: where agents can work. */
export interface EnvironmentsListResult {
  environments: EnvironmentRow[];
}

/** One place where an agent can work. */
export interface EnvironmentRow {
  /** `gateway`, or `node:<id>`. */
  id: string;
  /** `local` or `node`. */
  type: string;
  label: string;
  /** `available` or `unavailable`. */
  status: string;
  platform?: string;
  /** Whether sessions run there. */
  sessionHost: boolean;
  trust: string;
  capabilities: string[];
}

/** Result of `update.status`. Nothing looks for updates, so none is ever known and none runs. */
export interface UpdateStatusResult {
  sentinel: unknown;
  updateAvailable: unknown;
}

/** Result of `diagnostics.lanes`: what may run at once, what does, and what waits. */
export interface LanesResult {
  ts: number;
  lanes: LaneRow[];
  /** The sessions' own lanes together; `None` while none has work. */
  dynamic: LaneTotals | null;
}

export interface LaneRow {
  lane: string;
  queuedCount: number;
  activeCount: number;
  maxConcurrent: number;
  /** Nothing new begins. */
  draining: boolean;
}

export interface LaneTotals {
  laneCount: number;
  activeCount: number;
  queuedCount: number;
  queuedLaneCount: number;
}

/**
 * Result of `diagnostics.stability`. Events of this kind are not recorded here (the log and `/metrics` tell), so the recorder's
 * room is zero; the memory is that of the moment.
 */
export interface StabilityResult {
  /** RFC 3339. */
  generatedAt: string;
  capacity: number;
  count: number;
  dropped: number;
  events: unknown[];
  summary: StabilitySummary;
}

export interface StabilitySummary {
  byType: Record<string, number>;
  memory?: StabilityMemory;
}

export interface StabilityMemory {
  latest: ProcessMemory;
  /** The most that the process ever held. */
  maxRssBytes: number;
  /** 1 while nothing new is begun because memory is scarce. */
  pressureCount: number;
}

export interface ProcessMemory {
  rssBytes: number;
  /** Heap in use: all that is not shared or mapped from files. */
  heapUsedBytes: number;
}

// crates/protocol/src/methods/tasks.rs

/** Parameters of `tasks.list`. */
export interface TasksListParams {
  /** One status or several; all when absent. */
  status?: OneOrMany | null;
  agentId?: string | null;
  sessionKey?: string | null;
  limit?: number | null;
}

/** A text or a list of texts. */
export type OneOrMany =
  | string
  | string[];

export interface TasksListResult {
  /** Newest first. */
  tasks: TaskRow[];
}

/** One task; times are Unix milliseconds. */
export interface TaskRow {
  id: string;
  /** `exec`: a command that an agent left running. */
  kind: string;
  runtime: string;
  /** `running`, `completed`, `failed`, `cancelled` or `timed_out`. */
  status: string;
  title: string;
  agentId?: string;
  sessionKey: string;
  createdAt: number;
  startedAt: number;
  endedAt?: number;
  updatedAt: number;
  error?: string;
}

// crates/protocol/src/methods/tools.rs

export interface ToolsCatalogParams {
  agentId?: string | null;
  includePlugins?: boolean | null;
}

export interface ToolsCatalogResult {
  agentId: string;
  profiles: Labelled[];
  groups: ToolGroup[];
}

export interface Labelled {
  id: string;
  label: string;
}

export interface ToolGroup {
  id: string;
  label: string;
  /** `core` or `plugin`. */
  source: string;
  tools: ToolRow[];
}

export interface ToolRow {
  id: string;
  label: string;
  description: string;
  source: string;
  defaultProfiles: string[];
}

export interface ToolsEffectiveParams {
  sessionKey: string;
  agentId?: string;
}

export interface ToolsEffectiveResult {
  agentId: string;
  profile: string;
  groups: EffectiveGroup[];
}

export interface EffectiveGroup {
  id: string;
  label: string;
  source: string;
  tools: EffectiveTool[];
}

export interface EffectiveTool {
  id: string;
  label: string;
  description: string;
  rawDescription: string;
  source: string;
}

// crates/protocol/src/methods/usage.rs

/**
 * Parameters of `usage.cost` and `sessions.usage`.
 * 
 * `startDate` and `endDate` come together, and both days count; without them it is `range`, or `days` up to today.
 */
export interface UsageParams {
  startDate?: string;
  endDate?: string;
  /** A number, or one in quotes. */
  days?: unknown;
  /** `7d`, `30d`, `90d`, `1y` or `all`. */
  range?: string;
  /** Whose days: `utc` (also without), `gateway`, or `specific` with one of the next two. */
  mode?: string;
  timeZone?: string;
  /** `UTC+5:30`. */
  utcOffset?: string;
  /** Without it, and without `agentScope`: the default agent. */
  agentId?: string;
  /** `all`, or nothing. */
  agentScope?: string;
  /** Only this session. For `sessions.usage`, as what follows. */
  key?: string;
  /** Sessions of the answer. */
  limit?: number;
  /** `instance`: a row a conversation; `family`: a row a key. */
  groupBy?: string;
  includeHistorical?: boolean;
  /** One of the answer's `creatorOptions`. */
  creatorKey?: string;
}

/** Parameters of `sessions.usage.timeseries` and `sessions.usage.logs`. */
export interface SessionUsageParams {
  key?: string;
  agentId?: string;
  /** For `logs`: entries, newest kept. */
  limit?: number;
}

/** Tokens, and what they cost. */
export interface UsageTotals {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  totalTokens: number;
  /** As it was booked, by the prices of that time. */
  totalCost: number;
  /** `totalCost` in parts, by how the prices of now stand to each other; 0 where a model has none any more. */
  inputCost: number;
  outputCost: number;
  cacheReadCost: number;
  cacheWriteCost: number;
  /** Calls whose price was not known. */
  missingCostEntries: number;
}

/** A day's totals. */
export type DatedTotals = {
  date: string;
} & UsageTotals;

/** A day's totals within one session. */
export type DatedBreakdown = {
  date: string;
  tokens: number;
  cost: number;
} & UsageTotals;

/** Whether an answer is whole. Ours always is: nothing is summed up ahead of time. */
export interface UsageCacheStatus {
  /** `fresh`. */
  status: string;
  cachedFiles: number;
  pendingFiles: number;
  staleFiles: number;
  refreshedAt: number;
}

/** The answer of `usage.cost`. */
export interface UsageCostResult {
  updatedAt: number;
  /** Days from the first to the last, those without a call included. */
  days: number;
  /** Days with calls, oldest first. */
  daily: DatedTotals[];
  totals: UsageTotals;
  cacheStatus: UsageCacheStatus;
}

/** The answer of `usage.status`: what vendors tell of a subscription's limits. */
export interface UsageStatusResult {
  updatedAt: number;
  providers: unknown[];
}

/** How much was said. */
export interface MessageCounts {
  /** `user` and `assistant` together. */
  total: number;
  /** Turns: inputs that a model answered. */
  user: number;
  /** Answers of models, one a call. */
  assistant: number;
  toolCalls: number;
  /** Every call has one. */
  toolResults: number;
  /** Turns that failed; as far back as the inbox remembers. */
  errors: number;
}

export type DatedCounts = {
  date: string;
} & MessageCounts;

/** Calls of tools, the most used first. */
export interface ToolUsage {
  totalCalls: number;
  uniqueTools: number;
  tools: ToolCount[];
}

export interface ToolCount {
  name: string;
  count: number;
}

/** Calls of one model, or of all models of one provider. */
export interface ModelUsage {
  provider: string;
  model?: string;
  count: number;
  totals: UsageTotals;
}

/** Calls of one model in one day. */
export interface DatedModelUsage {
  date: string;
  provider: string;
  model: string;
  tokens: number;
  cost: number;
  count: number;
}

export interface AgentUsage {
  agentId: string;
  totals: UsageTotals;
}

export interface ChannelUsage {
  channel: string;
  totals: UsageTotals;
}

/** A day in a few numbers. */
export interface DayInShort {
  date: string;
  tokens: number;
  cost: number;
  messages: number;
  toolCalls: number;
  errors: number;
}

/** Everything of the answer's days, whatever sessions it shows. */
export interface UsageAggregates {
  sessionCount: number;
  messages: MessageCounts;
  tools: ToolUsage;
  byModel: ModelUsage[];
  byProvider: ModelUsage[];
  byAgent: AgentUsage[];
  /** Of sessions that still exist, since the key says the channel. */
  byChannel: ChannelUsage[];
  /** Empty: nobody's name stands at a session here. */
  byCreator: unknown[];
  costDaily: DatedTotals[];
  /** Empty: how long calls took is not booked. */
  dailyLatency: unknown[];
  modelDaily: DatedModelUsage[];
  daily: DayInShort[];
}

/** What one session used in the answer's days. */
export type SessionUsageDetail = {
  /** Of its first and last call. */
  firstActivity: number;
  lastActivity: number;
  durationMs: number;
  activityDates: string[];
  dailyBreakdown: DatedBreakdown[];
  dailyMessageCounts: DatedCounts[];
  dailyModelUsage: DatedModelUsage[];
  messageCounts: MessageCounts;
  toolUsage: ToolUsage;
  modelUsage: ModelUsage[];
} & UsageTotals;

/** One session of `sessions.usage`. */
export interface SessionUsageRow {
  key: string;
  label?: string;
  sessionId: string;
  /** As `groupBy` of the parameters. */
  scope: string;
  updatedAt: number;
  agentId: string;
  creatorKey: string;
  channel?: string;
  chatType?: string;
  /** Of the model that was used most. */
  modelProvider?: string;
  model?: string;
  usage: SessionUsageDetail | null;
  /** `false`: what a context is made of is not booked. */
  hasContextWeight: boolean;
}

export interface CreatorOption {
  key: string;
}

/** The answer of `sessions.usage`. */
export interface SessionsUsageResult {
  updatedAt: number;
  startDate: string;
  endDate: string;
  /** Those that were used last first. */
  sessions: SessionUsageRow[];
  totals: UsageTotals;
  aggregates: UsageAggregates;
  creatorOptions: CreatorOption[];
  cacheStatus: UsageCacheStatus;
}

/** One or more calls that follow each other. */
export interface UsageTimePoint {
  timestamp: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  totalTokens: number;
  cost: number;
  /** Up to and with this one. */
  cumulativeTokens: number;
  cumulativeCost: number;
}

/** The answer of `sessions.usage.timeseries`. */
export interface UsageTimeseriesResult {
  sessionId: string;
  points: UsageTimePoint[];
}

/** One message of `sessions.usage.logs`. */
export interface UsageLogEntry {
  timestamp: number;
  /** `user`, `assistant` or `toolResult`. */
  role: string;
  content: string;
  tokens?: number;
  cost?: number;
}

/** The answer of `sessions.usage.logs`, oldest first. */
export interface UsageLogsResult {
  logs: UsageLogEntry[];
}

// crates/protocol/src/methods/cron/calls.rs

/** Parameters of `cron.list`. */
export interface CronListParams {
  includeDisabled?: boolean;
  /** `all`, `enabled` or `disabled`; counts before `includeDisabled`. */
  enabled?: string;
  limit?: number;
  offset?: number;
  query?: string;
  /** `all` or a kind of schedule. */
  scheduleKind?: string;
  /** `all`, `ok`, `error`, `skipped` or `unknown`. */
  lastRunStatus?: string;
  /** `nextRunAtMs`, `updatedAtMs` or `name`. */
  sortBy?: string;
  sortDir?: string;
  agentId?: string;
  sessionKey?: string;
}

/** Result of `cron.list`. */
export interface CronListResult {
  jobs: CronJob[];
  /** Changes with whatever the list would show: pages with the same one fit together. */
  snapshotRevision: string;
  total: number;
  offset: number;
  limit: number;
  hasMore: boolean;
  nextOffset: number | null;
  /** By a job's id: where its answer would go now. */
  deliveryPreviews: Record<string, unknown>;
}

/** Result of `cron.status`. */
export interface CronStatusResult {
  enabled: boolean;
  triggersEnabled: boolean;
  storePath: string;
  storage: string;
  sqlitePath: string;
  jobs: number;
  nextWakeAtMs: number | null;
}

/** A job by either of its names: parameters of `cron.get` and `cron.remove`, and part of others. */
export interface CronIdParams {
  id?: string;
  /** The name of 2026.1. */
  jobId?: string;
}

/** Parameters of `cron.update`. */
export type CronUpdateParams = {
  /** As `CronSpec::patched` takes it. */
  patch: unknown;
} & CronIdParams;

/** Parameters of `cron.run`. */
export type CronRunParams = {
  mode?: CronRunMode;
} & CronIdParams;

/** When `cron.run` runs a job. */
export type CronRunMode =
  /** Only if it is due. */
  | "due"
  | "force"
  | "if-enabled";

/** Result of `cron.run`. */
export interface CronRunResult {
  ok: boolean;
  enqueued?: boolean;
  runId?: string;
  /** `false` with a reason when it was not run. */
  ran?: boolean;
  /** `not-due`, `already-running` or `disabled`. */
  reason?: string;
}

/** Result of `cron.remove`. */
export interface CronRemoveResult {
  ok: boolean;
  removed: boolean;
}

/** Parameters of `cron.runs`. */
export type CronRunsParams = {
  /** `job` or `all`. */
  scope?: string;
  runId?: string;
  limit?: number;
  offset?: number;
  statuses?: CronStatus[];
  /** `all` or one status. */
  status?: string;
  deliveryStatuses?: CronDelivered[];
  deliveryStatus?: CronDelivered;
  query?: string;
  sortDir?: string;
} & CronIdParams;

/** Result of `cron.runs`. */
export interface CronRunsResult {
  entries: CronRunEntry[];
  total: number;
  offset: number;
  limit: number;
  hasMore: boolean;
  nextOffset: number | null;
}

// crates/protocol/src/methods/cron/spec.rs

/** What a job does and when: the parameters of `cron.add`. */
export interface CronSpec {
  name: string;
  declarationKey?: string;
  displayName?: string;
  description?: string;
  /** Whose job it is; the default agent's when absent. */
  agentId?: string;
  /** The conversation in which it was made. */
  sessionKey?: string;
  enabled: boolean;
  deleteAfterRun?: boolean;
  schedule: CronSchedule;
  sessionTarget: CronTarget;
  wakeMode: CronWake;
  payload: CronPayload;
  delivery?: CronDelivery;
  /** What is told of its failures; the configuration's rule when absent. */
  failureAlert?: CronAlertChoice;
}

/** When a job is due. */
export type CronSchedule =
  /** Once. */
  | {
    kind: "at";
    /** RFC 3339 with a zone or offset; without one it is UTC. */
    at: string;
  }
  | {
    kind: "every";
    everyMs: number;
    /** A time from which it is counted; the time of its making when absent. */
    anchorMs?: number;
  }
  | {
    kind: "cron";
    /** Five fields, or six with seconds first. */
    expr: string;
    /** IANA name of a time zone; the agents' one when absent. */
    tz?: string;
    /**
     * The job comes later by a part of this that is its own; zero for the very time. When absent, what is due each hour at its
     * full has five minutes.
     */
    staggerMs?: number;
  };

/** In which conversation a job runs. */
export type CronTarget = string;

/** Whether a job waits for a heartbeat. Where no heartbeat beats, both mean now. */
export type CronWake =
  | "next-heartbeat"
  | "now";

/** What a job says to the agent. */
export type CronPayload =
  /** A word of the house, for the main conversation. */
  | {
    kind: "systemEvent";
    text: string;
  }
  /** A turn. */
  | {
    kind: "agentTurn";
    message: string;
    /** `provider/model` or an alias; the agent's own when absent. */
    model?: string;
    thinking?: string;
    /** Zero: as long as a turn may at most. */
    timeoutSeconds?: number;
    /** The only tools that it may use. */
    toolsAllow?: string[];
  };

/** Where the answer of a job goes besides its conversation. */
export interface CronDelivery {
  mode: CronDeliveryMode;
  /** A channel's id, or `last`: where an owner last spoke with the agent. */
  channel?: string;
  /** A chat of the channel, or an address. */
  to?: string;
  /** A topic of the chat: a text or a number. */
  threadId?: unknown;
  accountId?: string;
  /** A run whose answer could not be delivered is no failure. */
  bestEffort?: boolean;
  /** Where failures are told. */
  failureDestination?: CronAlertPlace;
}

export type CronDeliveryMode =
  | "none"
  /** To a chat. */
  | "announce"
  /** By a POST of the event `finished` to the address in `to`. */
  | "webhook";

/** `failureAlert` of a job. */
export type CronAlertChoice =
  /** `false`: nothing is told. The reader refuses `true`. */
  | boolean
  | CronFailureAlert;

/** When failures of a job are told, and where; what is absent is as the configuration says. */
export type CronFailureAlert = {
  /** Failures in a row. */
  after?: number;
  /** Least time between two alerts. */
  cooldownMs?: number;
  /** Whether times count at which it was due and did not run. */
  includeSkipped?: boolean;
} & CronAlertPlace;

/** Where failures are told. */
export interface CronAlertPlace {
  /** `announce`, the only one there is. */
  mode?: CronDeliveryMode;
  /** A channel's id, or `last`. */
  channel?: string;
  /** A chat of the channel. */
  to?: string;
  accountId?: string;
}

// crates/protocol/src/methods/cron/state.rs

/** How the runs of a job went. */
export interface CronState {
  nextRunAtMs?: number;
  runningAtMs?: number;
  lastRunAtMs?: number;
  lastRunStatus?: CronStatus;
  /** The same, under the name of 2026.1. */
  lastStatus?: CronStatus;
  lastError?: string;
  lastDurationMs?: number;
  consecutiveErrors: number;
  consecutiveSkipped: number;
  lastDelivered?: boolean;
  lastDeliveryStatus?: CronDelivered;
  lastDeliveryError?: string;
  autoDisabled?: CronAutoDisabled;
  /** When a chat was last told of its failures; gone with a run that went well. */
  lastFailureAlertAtMs?: number;
}

/** Why a job was turned off by the house. */
export interface CronAutoDisabled {
  /** `consecutive-failures` or `schedule-errors`. */
  reason: string;
  atMs: number;
  consecutiveErrors: number;
}

export type CronStatus =
  | "ok"
  | "error"
  | "skipped";

/** What became of an answer. */
export type CronDelivered =
  | "delivered"
  | "not-delivered"
  /** It waits in the outbox. */
  | "unknown"
  | "not-requested";

/** Whether everything that a run was to do is done, delivery included. */
export type CronCompletion =
  | "succeeded"
  | "failed"
  | "unknown";

/** A job as clients see it: result of `cron.add`, `cron.update` and `cron.get`, and a row of `cron.list`. */
export type CronJob = {
  id: string;
  createdAtMs: number;
  updatedAtMs: number;
  state: CronState;
  /** The agent that runs it. */
  effectiveAgentId?: string;
  nextRunAtMs?: number;
  lastRunAtMs?: number;
  lastRunStatus?: CronStatus;
  lastRunError?: string;
  lastDeliveryStatus?: CronDelivered;
  /** It was made from what others wrote, so its turns are not trusted. */
  tainted?: boolean;
} & CronSpec;

/** What became of one time that a job was due: an entry of `cron.runs`. */
export interface CronRunEntry {
  ts: number;
  jobId: string;
  /** `finished`; `started` for one that goes on. */
  action: string;
  status?: CronStatus;
  completionStatus?: CronCompletion;
  error?: string;
  summary?: string;
  delivered?: boolean;
  deliveryStatus?: CronDelivered;
  deliveryError?: string;
  delivery?: CronRunDelivery;
  sessionId?: string;
  sessionKey?: string;
  runId?: string;
  runAtMs?: number;
  durationMs?: number;
  nextRunAtMs?: number;
  model?: string;
  provider?: string;
  jobName?: string;
  /** How often the job was due while nothing ran. Ours. */
  missed?: number;
}

/** Where the answer of a run goes. */
export interface CronRunDelivery {
  resolved: CronPlace;
}

/** A place on a channel. */
export interface CronPlace {
  channel: string;
  to: string;
  accountId: string;
  /** Whether it could be found. */
  ok: boolean;
}

/** Event `cron`: a job changed, or a run of it began or ended. */
export interface CronEvent {
  jobId: string;
  /** `added`, `updated`, `removed`, `started` or `finished`. */
  action: string;
  runAtMs?: number;
  durationMs?: number;
  status?: CronStatus;
  error?: string;
  summary?: string;
  runId?: string;
  sessionKey?: string;
  nextRunAtMs?: number;
}
