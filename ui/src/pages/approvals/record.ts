// What is read from rules and from the history. Pure.

import type { Tone } from "../../design/parts.ts";
import type { ApprovalView, ExecApprovalsDefaults, ExecGrantView } from "../../protocol/types.ts";

/** How a question ended, as the history shows it. */
export type Outcome = "once" | "always" | "denied" | "expired" | "restart" | "cancelled" | "pending";

export const TONES: Record<Outcome, Tone> = {
  once: "good",
  always: "good",
  denied: "bad",
  expired: "calm",
  restart: "calm",
  cancelled: "calm",
  pending: "warn",
};

export function outcomeOf({ status, decision, reason }: ApprovalView): Outcome {
  if (status === "allowed") return decision === "allow-always" ? "always" : "once";
  return status === "expired" && reason === "restart" ? "restart" : status;
}

/** Which calls a rule lets through: this one command, the program with any arguments, or those that fit a pattern. */
export type Reach = "exact" | "program" | "pattern";

export function reachOf({ argPattern, commandText }: ExecGrantView): Reach {
  if (argPattern === undefined) return "program";
  return commandText === undefined ? "pattern" : "exact";
}

/** How commands are treated that no rule names. */
export type Policy = "deny" | "full" | "always" | "ask" | "listed";

export function policyOf({ security, ask }: ExecApprovalsDefaults): Policy {
  if (security === "deny" || security === "full") return security;
  return ask === "always" ? "always" : ask === "off" ? "listed" : "ask";
}

/** The history with one more page of it: newest first, each question once, as it was told last. */
export function joined(known: readonly ApprovalView[], page: readonly ApprovalView[]): ApprovalView[] {
  const all = new Map(known.map((one) => [one.id, one]));
  for (const one of page) all.set(one.id, one);
  return [...all.values()].sort((one, other) => other.createdAtMs - one.createdAtMs);
}
