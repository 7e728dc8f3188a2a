// Jobs in words: when they are due, and how they went.

import { html, nothing } from "lit";
import { badge, type Content } from "../../design/parts.ts";
import { ago, moment, span } from "../../i18n/format.ts";
import { language } from "../../i18n/language.ts";
import type { CronJob, CronRunEntry, CronSchedule } from "../../protocol/types.ts";
import { momentOf } from "./draft.ts";
import { patternOf } from "./pattern.ts";
import { words } from "./words.ts";

const SUNDAY = Date.UTC(2026, 0, 4);
const DAY_MS = 86_400_000;

/** “Every day at 07:00 · Europe/Berlin”. */
export function scheduleText(schedule: CronSchedule): string {
  switch (schedule.kind) {
    case "at": {
      const atMs = momentOf(schedule.at);
      return atMs === null ? schedule.at : words().once(moment(atMs));
    }
    case "every":
      return words().every(span(schedule.everyMs));
    case "cron":
      return [expressionText(schedule.expr) ?? schedule.expr, schedule.tz].filter(Boolean).join(" · ");
  }
}

/** What a usual expression means; `null` of any other. */
export function expressionText(expr: string): string | null {
  const pattern = patternOf(expr);
  if (!pattern) return null;
  const { patterns } = words();
  switch (pattern.every) {
    case "minutes":
      return words().every(span(pattern.step * 60_000));
    case "hour":
      return pattern.minute === 0 ? patterns.fullHour : patterns.hour(String(pattern.minute));
    case "day":
      return patterns.day(pattern.at);
    case "week":
      return pattern.days.join() === "1,2,3,4,5" ? patterns.weekdays(pattern.at) : patterns.week(dayNames(pattern.days), pattern.at);
    case "month":
      return patterns.month(String(pattern.day), pattern.at);
  }
}

/** When it runs next, or why it doesn't. */
export function nextText(job: CronJob): Content {
  if (job.state.runningAtMs !== undefined) return badge("good", words().running);
  if (!job.enabled) return job.state.autoDisabled ? badge("bad", words().autoDisabled) : badge("calm", words().off);
  if (job.nextRunAtMs === undefined) return html`<span class="faint">${words().never}</span>`;
  return html`<span class="automation-short" title=${moment(job.nextRunAtMs)}>${ago(job.nextRunAtMs)}</span>`;
}

/** How it went the last time. */
export function lastText(job: CronJob): Content {
  const { lastRunAtMs, lastRunStatus } = job;
  if (lastRunAtMs === undefined || !lastRunStatus) return html`<span class="faint">${words().notYet}</span>`;
  const isLost = lastRunStatus === "ok" && job.lastDeliveryStatus === "not-delivered";
  const how = isLost ? badge("warn", words().notDelivered) : badge(TONES[lastRunStatus], words().statuses[lastRunStatus]);
  return html`${how} <span class="automation-short faint small" title=${moment(lastRunAtMs)}>${ago(lastRunAtMs)}</span>`;
}

export function runBadge(run: CronRunEntry): Content {
  if (run.missed) return badge("warn", words().missed(run.missed));
  if (run.action === "started" || !run.status) return badge("calm", words().running);
  return badge(TONES[run.status], words().statuses[run.status]);
}

/** Where the answer of a run went; nothing if nobody wanted it anywhere. */
export function deliveryText(run: CronRunEntry): Content {
  const to = run.delivery?.resolved;
  switch (run.deliveryStatus) {
    case "delivered":
      return to ? words().sentTo(to.channel) : words().sent;
    case "not-delivered":
      return run.deliveryError ?? words().notDelivered;
    case "unknown":
      return words().waits;
    default:
      return nothing;
  }
}

const TONES = { ok: "good", error: "bad", skipped: "calm" } as const;

function dayNames(days: readonly number[]): string {
  const name = new Intl.DateTimeFormat(language.value, { weekday: "long", timeZone: "UTC" });
  return new Intl.ListFormat(language.value).format(days.map((day) => name.format(SUNDAY + day * DAY_MS)));
}
