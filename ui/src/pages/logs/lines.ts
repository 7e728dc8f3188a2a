// Lines of the log file: read, kept up to a limit, and filtered.

export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface Entry {
  /** Counts up; tells lines apart that say the same. */
  readonly id: number;
  readonly timeMs: number;
  readonly level: Level;
  readonly subsystem: string;
  readonly text: string;
}

export interface Filter {
  /** This level and those above it. */
  readonly level: Level;
  /** Empty for all. */
  readonly subsystem: string;
  /** Words that must all be there. */
  readonly words: string;
}

/** Lines that the page holds; older ones are let go. */
export const KEPT_MAX = 5_000;

/** What one line says; one that isn't of our making is shown as it is. */
export function entryOf(line: string, id: number): Entry {
  const raw = { id, timeMs: Number.NaN, level: "info", subsystem: "", text: line } as const;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return raw;
  }
  const { time, message, 1: second, _meta: meta } = (parsed ?? {}) as Written;
  const text = message ?? second;
  if (typeof text !== "string") return raw;
  return { id, timeMs: Date.parse(time ?? ""), level: levelOf(meta?.logLevelName), subsystem: subsystemOf(meta?.name), text };
}

interface Written {
  readonly time?: string;
  readonly message?: unknown;
  readonly 1?: unknown;
  readonly _meta?: { readonly logLevelName?: unknown; readonly name?: unknown };
}

/** The newest lines of what was there and what came. */
export function joined(kept: readonly Entry[], lines: readonly string[]): readonly Entry[] {
  const nextId = (kept.at(-1)?.id ?? 0) + 1;
  return [...kept, ...lines.map((line, index) => entryOf(line, nextId + index))].slice(-KEPT_MAX);
}

export function filtered(entries: readonly Entry[], { level, subsystem, words }: Filter): readonly Entry[] {
  const least = LEVELS.indexOf(level);
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    if (LEVELS.indexOf(entry.level) < least || (subsystem !== "" && entry.subsystem !== subsystem)) return false;
    const text = `${entry.subsystem} ${entry.text}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
}

export function subsystemsOf(entries: readonly Entry[]): string[] {
  return [...new Set(entries.map(({ subsystem }) => subsystem))].filter(Boolean).sort();
}

/** For the clipboard and files. */
export function textOf(entries: readonly Entry[]): string {
  const time = (ms: number) => (Number.isNaN(ms) ? "" : `${new Date(ms).toISOString()} `);
  return entries.map(({ timeMs, level, subsystem, text }) => `${time(timeMs)}${level.toUpperCase()} ${subsystem ? `[${subsystem}] ` : ""}${text}\n`).join("");
}

function levelOf(name: unknown): Level {
  const written = String(name).toLowerCase();
  return written === "fatal" ? "error" : (LEVELS.find((level) => level === written) ?? "info");
}

/** The subsystem is a JSON text within the line. */
function subsystemOf(name: unknown): string {
  try {
    const { subsystem } = JSON.parse(String(name)) as { subsystem?: unknown };
    return typeof subsystem === "string" ? subsystem : "";
  } catch {
    return "";
  }
}
