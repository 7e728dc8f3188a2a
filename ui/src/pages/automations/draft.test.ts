import { expect, test } from "vitest";
import type { CronJob } from "../../protocol/types.ts";
import { blank, draftOf, faults, length, momentOf, patchOf, specOf } from "./draft.ts";
import { patternOf } from "./pattern.ts";
import { instant, isZone, localTime } from "./zone.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");

const JOB: CronJob = {
  id: "a",
  createdAtMs: NOW,
  updatedAtMs: NOW,
  state: { consecutiveErrors: 0, consecutiveSkipped: 0 },
  name: "Brief",
  enabled: true,
  schedule: { kind: "cron", expr: "0 7 * * 1-5", tz: "Europe/Berlin", staggerMs: 0 },
  sessionTarget: "isolated",
  wakeMode: "now",
  payload: { kind: "agentTurn", message: "Sum up.", model: "fake/small" },
  delivery: { mode: "announce", channel: "telegram", to: "42" },
};

test("clocks of a zone are read and set, summer or winter", () => {
  expect(localTime(NOW, "Europe/Berlin")).toBe("2026-11-20T13:00");
  expect(localTime(NOW, "Asia/Kolkata")).toBe("2026-11-20T17:30");
  expect(instant("2026-07-01T09:00", "Europe/Berlin")).toBe(Date.parse("2026-07-01T07:00:00Z"));
  expect(instant("2026-12-01T09:00", "America/New_York")).toBe(Date.parse("2026-12-01T14:00:00Z"));
  // Skipped in the night of the change.
  expect(instant("2027-03-28T02:30", "Europe/Berlin")).toBe(Date.parse("2027-03-28T01:30:00Z"));
  expect([instant("", "UTC"), instant("2026-12-01T09:00", "Nowhere/Else")]).toEqual([null, null]);
  expect([isZone("Asia/Taipei"), isZone("Taipei")]).toEqual([true, false]);
});

test("usual expressions are understood, and others left alone", () => {
  expect(patternOf("*/15 * * * *")).toEqual({ every: "minutes", step: 15 });
  expect(patternOf("5 * * * *")).toEqual({ every: "hour", minute: 5 });
  expect(patternOf("0 30 7 * * *")).toEqual({ every: "day", at: "07:30" });
  expect(patternOf("0 9 * * mon-fri")).toEqual({ every: "week", days: [1, 2, 3, 4, 5], at: "09:00" });
  expect(patternOf("0 9 * * 6,7")).toEqual({ every: "week", days: [0, 6], at: "09:00" });
  expect(patternOf("0 9 1 * *")).toEqual({ every: "month", day: 1, at: "09:00" });
  for (const other of ["", "0 9 * 1 *", "0 9 1 * 1", "0 25 * * *", "0 9-17 * * *", "0 9 L * *", "0 9 * * 1#2", "0 9 0 * *"]) expect(patternOf(other), other).toBeNull();
});

test("what is typed becomes a job", () => {
  const draft = { ...blank(NOW), name: " Tea ", text: "Put the kettle on.", zone: "Asia/Taipei" };
  expect(specOf({ ...draft, kind: "at", at: "2026-12-01T09:00" })).toEqual({
    name: "Tea",
    enabled: true,
    deleteAfterRun: true,
    schedule: { kind: "at", at: "2026-12-01T01:00:00.000Z" },
    sessionTarget: "isolated",
    wakeMode: "now",
    payload: { kind: "agentTurn", message: "Put the kettle on." },
    delivery: { mode: "none" },
  });
  expect(specOf({ ...draft, kind: "every", amount: "1.5", unit: "hours", target: "main", place: "last", to: "42" })).toMatchObject({
    schedule: { kind: "every", everyMs: 5_400_000 },
    sessionTarget: "main",
    payload: { kind: "systemEvent", text: "Put the kettle on." },
    delivery: { mode: "announce", channel: "last" },
  });
});

test("a job that is opened and saved again stays what it was", () => {
  const draft = draftOf(JOB, NOW);
  expect(draft).toMatchObject({ name: "Brief", text: "Sum up.", kind: "cron", expr: "0 7 * * 1-5", zone: "Europe/Berlin", place: "telegram", to: "42", model: "fake/small" });
  expect(patchOf(draft, JOB)).toEqual({
    name: "Brief",
    agentId: null,
    deleteAfterRun: null,
    schedule: JOB.schedule,
    sessionTarget: "isolated",
    payload: { ...JOB.payload, timeoutSeconds: null },
    delivery: JOB.delivery,
  });
  const event: CronJob = { ...JOB, sessionTarget: "session:agent:main:x", payload: { kind: "systemEvent", text: "Hi" } };
  expect(patchOf(draftOf(event, NOW), event)).toMatchObject({ sessionTarget: "session:agent:main:x", payload: { kind: "systemEvent", text: "Hi" } });
  expect(patchOf({ ...draft, model: "", place: "none" }, JOB)).toMatchObject({ payload: { model: null }, delivery: { mode: "none", channel: null, to: null, accountId: null, threadId: null } });
});

test("what is wrong is found before the gateway has to say it", () => {
  const draft = { ...blank(NOW), name: "a", text: "b", zone: "UTC" };
  expect(faults(draft, NOW)).toEqual([]);
  expect(faults({ ...draft, name: " ", text: "", expr: "7 o'clock" }, NOW)).toEqual(["name", "text", "expr"]);
  expect(faults({ ...draft, zone: "Mars" }, NOW)).toEqual(["zone"]);
  expect(faults({ ...draft, zone: "" }, NOW)).toEqual([]);
  expect(faults({ ...draft, kind: "every", amount: "0" }, NOW)).toEqual(["amount"]);
  expect(faults({ ...draft, kind: "every", amount: "x", timeoutSeconds: "-1" }, NOW)).toEqual(["amount", "timeoutSeconds"]);
  expect(faults({ ...draft, kind: "at", at: "" }, NOW)).toEqual(["at"]);
  const past = { ...draft, kind: "at" as const, at: "2026-11-20T11:00" };
  expect(faults(past, NOW)).toEqual(["past"]);
  expect(faults(past, NOW, { ...JOB, schedule: { kind: "at", at: "2026-11-20T11:00:30Z" } })).toEqual([]);
});

test("times and lengths are read as the gateway writes them", () => {
  expect(momentOf("2026-11-20T12:00:00")).toBe(NOW);
  expect(momentOf("2026-11-20T13:00:00+01:00[Europe/Berlin]")).toBe(NOW);
  expect(momentOf(String(NOW))).toBe(NOW);
  expect(momentOf("soon")).toBeNull();
  expect([length(90_000), length(7_200_000), length(172_800_000)]).toEqual([
    { amount: "90", unit: "seconds" },
    { amount: "2", unit: "hours" },
    { amount: "2", unit: "days" },
  ]);
});
