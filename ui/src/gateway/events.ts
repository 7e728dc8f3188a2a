// What each event brings.

import type { EventName } from "../protocol/names.ts";
import type {
  AgentEvent,
  ApprovalResolved,
  BudgetReachedEvent,
  ChatEvent,
  ConfigChanged,
  DevicePairRequested,
  DevicePairResolved,
  HealthSnapshot,
  NodePairResolved,
  PendingApproval,
  PresenceChanged,
  SessionMessageEvent,
  SessionsChanged,
  Shutdown,
} from "../protocol/types.ts";

interface Known {
  agent: AgentEvent;
  "budget.reached": BudgetReachedEvent;
  chat: ChatEvent;
  "config.changed": ConfigChanged;
  "device.pair.requested": DevicePairRequested;
  "device.pair.resolved": DevicePairResolved;
  "exec.approval.requested": PendingApproval;
  "exec.approval.resolved": ApprovalResolved;
  health: HealthSnapshot;
  "node.pair.resolved": NodePairResolved;
  presence: PresenceChanged;
  "session.message": SessionMessageEvent;
  "sessions.changed": SessionsChanged;
  shutdown: Shutdown;
}

/** Events of which nobody reads more than that they happened bring `unknown`. */
export type EventPayloads = { [E in EventName]: E extends keyof Known ? Known[E] : unknown };
