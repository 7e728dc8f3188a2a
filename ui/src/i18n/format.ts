// Numbers, sizes and times as the page's language writes them.

import { language } from "./language.ts";

const formats = new Map<string, unknown>();

/** Formats are costly to make, so each is made once. */
function kept<T>(name: string, make: (locale: string) => T): T {
  const key = `${language.value}:${name}`;
  if (!formats.has(key)) formats.set(key, make(language.peek()));
  return formats.get(key) as T;
}

export function count(value: number): string {
  return kept("count", (locale) => new Intl.NumberFormat(locale)).format(value);
}

/** 12,345 as `12.3K`. */
export function short(value: number): string {
  const options = { notation: "compact", maximumFractionDigits: 1 } as const;
  return kept("short", (locale) => new Intl.NumberFormat(locale, options)).format(value);
}

export function percent(share: number): string {
  const options = { style: "percent", maximumFractionDigits: 0 } as const;
  return kept("percent", (locale) => new Intl.NumberFormat(locale, options)).format(share);
}

/** US dollars; small sums keep two digits that say something. */
export function cost(usd: number): string {
  if (usd !== 0 && Math.abs(usd) < 0.01) {
    const options = { style: "currency", currency: "USD", maximumSignificantDigits: 2 } as const;
    return kept("cents", (locale) => new Intl.NumberFormat(locale, options)).format(usd);
  }
  return kept("cost", (locale) => new Intl.NumberFormat(locale, { style: "currency", currency: "USD" })).format(usd);
}

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

export function bytes(value: number): string {
  const step = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTE_UNITS.length - 1);
  const unit = BYTE_UNITS[step] ?? "byte";
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: step > 1 ? 1 : 0 } as const;
  return kept(unit, (locale) => new Intl.NumberFormat(locale, options)).format(value / 1000 ** step);
}

/** Day and time. */
export function moment(ms: number): string {
  return kept("moment", (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" })).format(ms);
}

export function time(ms: number): string {
  return kept("time", (locale) => new Intl.DateTimeFormat(locale, { timeStyle: "short" })).format(ms);
}

const AGES = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** How long ago, or in how long. `narrow` where there is little room. */
export function ago(ms: number, nowMs: number = Date.now(), style: "long" | "narrow" = "long"): string {
  const seconds = (ms - nowMs) / 1000;
  const format = kept(`ago-${style}`, (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "auto", style }));
  const [unit, size] = AGES.find(([, size]) => Math.abs(seconds) >= size) ?? (["second", 1] as const);
  // What is a few seconds old is `now`: nobody wants to watch it count.
  return unit === "second" && Math.abs(seconds) < 10 ? format.format(0, "second") : format.format(Math.trunc(seconds / size), unit);
}

const SPANS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** A length of time in its two largest units. */
export function span(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000));
  const parts: string[] = [];
  for (const [unit, size] of SPANS) {
    const amount = Math.floor(rest / size);
    if (amount === 0 && !(unit === "second" && parts.length === 0)) {
      if (parts.length > 0) break;
      continue;
    }
    const options = { style: "unit", unit, unitDisplay: "short" } as const;
    parts.push(kept(`span-${unit}`, (locale) => new Intl.NumberFormat(locale, options)).format(amount));
    rest -= amount * size;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}
