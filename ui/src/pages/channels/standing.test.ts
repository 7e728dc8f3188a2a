import { expect, test } from "vitest";
import type { ChannelAccountStatus } from "../../protocol/types.ts";
import { standingOf } from "./standing.ts";

const ACCOUNT: ChannelAccountStatus = {
  accountId: "default",
  enabled: true,
  configured: true,
  running: true,
  connected: true,
  healthState: "connected",
  reconnectAttempts: 0,
  lastConnectedAt: 1,
  lastError: null,
  lastStartAt: 1,
  lastInboundAt: null,
  lastOutboundAt: null,
  lastTransportActivityAt: 1,
  mode: "polling",
};

const check = (change: Partial<ChannelAccountStatus>) => standingOf({ ...ACCOUNT, ...change });

test("an account is connected only when it hears", () => {
  expect(check({})).toEqual({ state: "connected", tone: "good", deeds: ["restart", "stop"] });
  expect(check({ connected: false })).toMatchObject({ state: "silent", tone: "warn" });
  expect(check({ connected: false, healthState: "silent" })).toMatchObject({ state: "silent", tone: "warn" });
  expect(check({ connected: false, healthState: "reconnecting" })).toMatchObject({ state: "reconnecting", tone: "warn" });
});

test("what can be done follows from how it stands", () => {
  const off = { connected: false, running: false };
  expect(check({ ...off, healthState: "stopped" }).deeds).toEqual(["start"]);
  expect(check({ ...off, healthState: "failed" })).toEqual({ state: "failed", tone: "bad", deeds: ["retry"] });
  expect(check({ ...off, running: true, healthState: "failed" }).deeds).toEqual(["stop", "retry"]);
  expect(check({ ...off, configured: false, healthState: "failed" })).toEqual({ state: "noToken", tone: "bad", deeds: [] });
  expect(check({ ...off, enabled: false, healthState: "stopped" })).toEqual({ state: "disabled", tone: "calm", deeds: [] });
  expect(check({ ...off, healthState: "a word of tomorrow" }).state).toBe("stopped");
});
