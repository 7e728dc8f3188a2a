import { expect, test } from "vitest";
import type { ApprovalView, ExecGrantView } from "../../protocol/types.ts";
import { joined, outcomeOf, policyOf, reachOf } from "./record.ts";

const VIEW: ApprovalView = {
  id: "a",
  urlPath: "",
  createdAtMs: 1,
  expiresAtMs: 2,
  presentation: { kind: "exec", commandText: "ls", allowedDecisions: [] },
  status: "pending",
};

test("how a question ended follows from its status, its decision and its reason", () => {
  const check = (change: Partial<ApprovalView>) => outcomeOf({ ...VIEW, ...change });
  expect(check({})).toBe("pending");
  expect(check({ status: "allowed", decision: "allow-once" })).toBe("once");
  expect(check({ status: "allowed", decision: "allow-always" })).toBe("always");
  expect(check({ status: "denied", decision: "deny" })).toBe("denied");
  expect(check({ status: "expired", reason: "timeout" })).toBe("expired");
  expect(check({ status: "expired", reason: "restart" })).toBe("restart");
  expect(check({ status: "cancelled", reason: "run-ended" })).toBe("cancelled");
});

test("a rule says how far it reaches", () => {
  const rule: ExecGrantView = { id: "a", agentId: "main", pattern: "/usr/bin/touch", createdAtMs: 1 };
  expect(reachOf(rule)).toBe("program");
  expect(reachOf({ ...rule, argPattern: "^notes\\x00$" })).toBe("pattern");
  expect(reachOf({ ...rule, argPattern: "^notes\\x00$", commandText: "touch notes" })).toBe("exact");
});

test("the older words of the rule say what happens to commands that nothing names", () => {
  const check = (security: string, ask: string) => policyOf({ security, ask, askFallback: "deny", autoAllowSkills: false });
  expect([check("deny", "off"), check("full", "off"), check("allowlist", "always"), check("allowlist", "on-miss"), check("allowlist", "off")]).toEqual([
    "deny",
    "full",
    "always",
    "ask",
    "listed",
  ]);
});

test("pages of the history join without gaps and doubles", () => {
  const at = (id: string, createdAtMs: number, status: ApprovalView["status"] = "denied"): ApprovalView => ({ ...VIEW, id, createdAtMs, status });
  const known = [at("c", 3, "pending"), at("b", 2), at("a", 1)];
  const page = [at("d", 4), at("c", 3, "allowed")];
  expect(joined(known, page).map(({ id, status }) => [id, status])).toEqual([
    ["d", "denied"],
    ["c", "allowed"],
    ["b", "denied"],
    ["a", "denied"],
  ]);
});
