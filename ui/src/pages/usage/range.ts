// Which days are shown, as the page's address says it: `/usage/30d` or `/usage/2026-11-01..2026-11-20`. Pure.

import type { UsageParams } from "../../protocol/types.ts";

export const PRESETS = ["7d", "30d", "90d", "1y", "all"] as const;
export type Preset = (typeof PRESETS)[number];

export type Range = { readonly preset: Preset } | { readonly from: string; readonly to: string };

export const USUAL: Range = { preset: "30d" };

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What an address asks for; the usual range for one that makes no sense. */
export function rangeOf(rest: string): Range {
  const preset = PRESETS.find((one) => one === rest);
  if (preset) return { preset };
  const [from = "", to = ""] = rest.split("..");
  return isDay(from) && isDay(to) && from <= to ? { from, to } : USUAL;
}

export function written(range: Range): string {
  return "preset" in range ? range.preset : `${range.from}..${range.to}`;
}

/** Days are those of the reader's clocks. */
export function paramsOf(range: Range, timeZone: string): UsageParams {
  const days = "preset" in range ? { range: range.preset } : { startDate: range.from, endDate: range.to };
  return { ...days, mode: "specific", timeZone, agentScope: "all" };
}

export function isDay(text: string): boolean {
  const at = DAY.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  return at !== null && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}
