// What the form holds: texts as they are typed, made of a job and turned into one.

import type { CronDelivery, CronJob, CronPayload, CronSchedule, CronSpec } from "../../protocol/types.ts";
import { instant, isZone, localTime, ownZone } from "./zone.ts";

export const KINDS = ["cron", "every", "at"] as const;
export type Kind = (typeof KINDS)[number];

export const UNITS = { minutes: 60_000, hours: 3_600_000, days: 86_400_000, seconds: 1_000 } as const;
export type Unit = keyof typeof UNITS;

/** Where an answer goes besides its conversation: `none`, `last`, or a channel. */
export type Place = string;

export interface Draft {
  readonly name: string;
  readonly text: string;
  /** Empty: the default agent. */
  readonly agentId: string;
  readonly kind: Kind;
  readonly expr: string;
  readonly amount: string;
  readonly unit: Unit;
  /** As a clock of `zone` shows it: `2027-01-31T09:00`. */
  readonly at: string;
  /** Empty, of a cron expression: the agents' own. */
  readonly zone: string;
  readonly keep: boolean;
  /** `isolated`, `main`, or another one that the job has already. */
  readonly target: string;
  readonly place: Place;
  readonly to: string;
  /** Empty: the agent's own. */
  readonly model: string;
  /** Empty: as long as a turn may take. */
  readonly timeoutSeconds: string;
}

/** Fields of which something is wrong. */
export type Fault = "name" | "text" | "expr" | "amount" | "at" | "past" | "zone" | "timeoutSeconds";

/** A new one: every morning. */
export function blank(nowMs: number): Draft {
  const zone = ownZone();
  return {
    name: "",
    text: "",
    agentId: "",
    kind: "cron",
    expr: "0 9 * * *",
    amount: "1",
    unit: "hours",
    at: localTime(nowMs + UNITS.hours, zone),
    zone,
    keep: false,
    target: "isolated",
    place: "none",
    to: "",
    model: "",
    timeoutSeconds: "",
  };
}

export function draftOf(job: CronJob, nowMs: number): Draft {
  const { schedule, payload, delivery } = job;
  const turn = payload.kind === "agentTurn" ? payload : null;
  const draft: Draft = {
    ...blank(nowMs),
    name: job.name,
    text: textOf(payload),
    agentId: job.agentId ?? "",
    kind: schedule.kind,
    keep: job.deleteAfterRun === false,
    target: job.sessionTarget,
    place: delivery?.mode === "announce" ? (delivery.channel ?? "last") : "none",
    to: delivery?.to ?? "",
    model: turn?.model ?? "",
    timeoutSeconds: turn?.timeoutSeconds?.toString() ?? "",
  };
  if (schedule.kind === "cron") return { ...draft, expr: schedule.expr, zone: schedule.tz ?? "" };
  if (schedule.kind === "every") return { ...draft, ...length(schedule.everyMs) };
  const atMs = momentOf(schedule.at);
  return atMs === null ? draft : { ...draft, at: localTime(atMs, draft.zone) };
}

/** What keeps it from being saved. `before` is the job that it changes. */
export function faults(draft: Draft, nowMs: number, before?: CronJob): Fault[] {
  const found: Fault[] = [];
  if (!draft.name.trim()) found.push("name");
  if (!draft.text.trim()) found.push("text");
  if (draft.kind === "cron" && ![5, 6].includes(draft.expr.trim().split(/\s+/).length)) found.push("expr");
  if (draft.kind === "every" && !(Number(draft.amount) > 0 && everyMs(draft) >= UNITS.seconds)) found.push("amount");
  const needsZone = draft.kind === "at" || (draft.kind === "cron" && draft.zone !== "");
  if (needsZone && !isZone(draft.zone)) found.push("zone");
  else if (draft.kind === "at") {
    const atMs = instant(draft.at, draft.zone);
    if (atMs === null) found.push("at");
    else if (atMs <= nowMs && !(before?.schedule.kind === "at" && sameMinute(momentOf(before.schedule.at), atMs))) found.push("past");
  }
  if (draft.timeoutSeconds.trim() && !/^\d+$/.test(draft.timeoutSeconds.trim())) found.push("timeoutSeconds");
  return found;
}

/** What `cron.add` takes. */
export function specOf(draft: Draft): CronSpec {
  return {
    name: draft.name.trim(),
    ...(draft.agentId ? { agentId: draft.agentId } : {}),
    enabled: true,
    ...(draft.kind === "at" ? { deleteAfterRun: !draft.keep } : {}),
    schedule: scheduleOf(draft),
    sessionTarget: draft.target,
    wakeMode: "now",
    payload: payloadOf(draft, draft.target === "main" ? "systemEvent" : "agentTurn"),
    delivery: deliveryOf(draft),
  };
}

/** What `cron.update` takes: everything that the form shows; the rest of the job stays, and `null` takes away. */
export function patchOf(draft: Draft, before: CronJob): Record<string, unknown> {
  const isTurn = draft.target === "isolated" || (draft.target !== "main" && before.payload.kind === "agentTurn");
  const turn = { model: draft.model || null, timeoutSeconds: draft.timeoutSeconds.trim() ? Number(draft.timeoutSeconds) : null };
  const shown = draftOf(before, 0);
  const isSamePlace = shown.place === draft.place && shown.to === draft.to;
  return {
    name: draft.name.trim(),
    agentId: draft.agentId || null,
    deleteAfterRun: draft.kind === "at" ? !draft.keep : null,
    schedule: scheduleOf(draft, before.schedule),
    sessionTarget: draft.target,
    payload: isTurn ? { ...payloadOf(draft, "agentTurn"), ...turn } : payloadOf(draft, "systemEvent"),
    delivery: { channel: null, to: null, ...(isSamePlace ? {} : { accountId: null, threadId: null }), ...deliveryOf(draft) },
  };
}

/** A schedule's text of a time: RFC 3339, UTC where it names no zone, or Unix milliseconds. */
export function momentOf(at: string): number | null {
  const text = at.trim().replace(/\[.*\]$/, "");
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(/(z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`);
  return Number.isNaN(ms) ? null : ms;
}

export function textOf(payload: CronPayload): string {
  return payload.kind === "agentTurn" ? payload.message : payload.text;
}

/** A length of time in the largest unit of which it is a whole number. */
export function length(ms: number): { amount: string; unit: Unit } {
  const unit = (["days", "hours", "minutes"] as const).find((one) => ms % UNITS[one] === 0) ?? "seconds";
  return { amount: String(ms / UNITS[unit]), unit };
}

function everyMs({ amount, unit }: Draft): number {
  return Math.round(Number(amount) * UNITS[unit]);
}

/** What the form doesn't show of a schedule stays as long as its kind does. */
function scheduleOf(draft: Draft, before?: CronSchedule): CronSchedule {
  switch (draft.kind) {
    case "cron": {
      const kept = before?.kind === "cron" && before.staggerMs !== undefined ? { staggerMs: before.staggerMs } : {};
      return { kind: "cron", expr: draft.expr.trim(), ...(draft.zone ? { tz: draft.zone } : {}), ...kept };
    }
    case "every": {
      const kept = before?.kind === "every" && before.anchorMs !== undefined ? { anchorMs: before.anchorMs } : {};
      return { kind: "every", everyMs: everyMs(draft), ...kept };
    }
    case "at":
      return { kind: "at", at: new Date(instant(draft.at, draft.zone) ?? NaN).toISOString() };
  }
}

function payloadOf(draft: Draft, kind: CronPayload["kind"]): CronPayload {
  if (kind === "systemEvent") return { kind, text: draft.text.trim() };
  const timeout = draft.timeoutSeconds.trim();
  return { kind, message: draft.text.trim(), ...(draft.model ? { model: draft.model } : {}), ...(timeout ? { timeoutSeconds: Number(timeout) } : {}) };
}

function deliveryOf({ place, to }: Draft): CronDelivery {
  if (place === "none") return { mode: "none" };
  const isChannel = place !== "last";
  return { mode: "announce", channel: place, ...(isChannel && to.trim() ? { to: to.trim() } : {}) };
}

function sameMinute(one: number | null, other: number): boolean {
  return one !== null && Math.floor(one / 60_000) === Math.floor(other / 60_000);
}
