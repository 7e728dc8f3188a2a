// What the charts are made of: calls by day and model, joined into bars. Pure.

import type { DatedModelUsage, SessionsUsageResult } from "../../protocol/types.ts";

export type Metric = "cost" | "tokens";

/** Models with a colour of their own; the rest are one more. */
export const OWN_COLOURS = 5;

/** Bars that a chart has room for; more days become weeks, then months. */
const BARS_MAX = 93;
const DAYS_OF_WEEK = 7;
const DAY_MS = 86_400_000;

export type Step = "day" | "week" | "month";

export interface Bar {
  /** The first day of it. */
  readonly date: string;
  /** By series. */
  readonly parts: readonly number[];
  readonly sum: number;
}

export interface Chart {
  readonly step: Step;
  /** Names of models, the largest first; `null` stands for all others. */
  readonly series: readonly (string | null)[];
  readonly bars: readonly Bar[];
  readonly max: number;
}

type Days = Pick<SessionsUsageResult, "startDate" | "endDate"> & { readonly rows: readonly DatedModelUsage[] };

export function chartOf({ startDate, endDate, rows }: Days, metric: Metric): Chart {
  const names = largest(rows, metric);
  const hasOthers = names.length > OWN_COLOURS;
  const series: (string | null)[] = hasOthers ? [...names.slice(0, OWN_COLOURS), null] : names;
  const dates = datesBetween(startDate, endDate);
  const step = stepOf(dates.length);
  const bars = new Map(dates.map((date) => [beginOf(date, step), series.map(() => 0)]));
  for (const row of rows) {
    const parts = bars.get(beginOf(row.date, step));
    const own = series.indexOf(modelName(row));
    const at = own >= 0 ? own : series.length - 1;
    if (parts) parts[at] = (parts[at] ?? 0) + row[metric];
  }
  const all = [...bars].map(([date, parts]) => ({ date, parts, sum: parts.reduce((one, other) => one + other, 0) }));
  return { step, series, bars: all, max: Math.max(0, ...all.map(({ sum }) => sum)) };
}

export function modelName({ provider, model }: { readonly provider: string; readonly model?: string }): string {
  return model ? `${provider}/${model}` : provider;
}

/** Round values for a scale, from 0 to the first that is not below `max`; `count` steps or fewer. */
export function ticks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0];
  const rough = max / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((one) => one >= rough * 0.999_999) ?? rough;
  const steps = Math.ceil((max / step) * 0.999_999);
  // Sums of fractions would show their dust.
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

export function datesBetween(first: string, last: string): string[] {
  const [from, to] = [Date.parse(first), Date.parse(last)];
  const length = Number.isNaN(from) || Number.isNaN(to) ? 0 : Math.round((to - from) / DAY_MS) + 1;
  return Array.from({ length: Math.max(0, length) }, (_, index) => day(from + index * DAY_MS));
}

function stepOf(days: number): Step {
  if (days <= BARS_MAX) return "day";
  return days <= BARS_MAX * DAYS_OF_WEEK ? "week" : "month";
}

/** The first day of the week (a Monday) or month. */
function beginOf(date: string, step: Step): string {
  if (step === "day") return date;
  if (step === "month") return `${date.slice(0, 7)}-01`;
  const ms = Date.parse(date);
  return day(ms - ((new Date(ms).getUTCDay() + 6) % DAYS_OF_WEEK) * DAY_MS);
}

function largest(rows: readonly DatedModelUsage[], metric: Metric): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(modelName(row), (sums.get(modelName(row)) ?? 0) + row[metric]);
  return [...sums].sort(([one, a], [other, b]) => b - a || one.localeCompare(other)).map(([name]) => name);
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
