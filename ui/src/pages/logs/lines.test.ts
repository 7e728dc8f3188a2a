import { expect, test } from "vitest";
import { entryOf, filtered, joined, KEPT_MAX, subsystemsOf, textOf } from "./lines.ts";

const line = (level: string, subsystem: string, message: string) =>
  JSON.stringify({ 1: message, _meta: { logLevelName: level, name: JSON.stringify({ subsystem }) }, time: "2026-01-02T03:04:05.000Z", message });

const all = { level: "trace", subsystem: "", words: "" } as const;

test("a line says when, how bad, where and what", () => {
  expect(entryOf(line("WARN", "telegram", "slow"), 7)).toEqual({ id: 7, timeMs: Date.UTC(2026, 0, 2, 3, 4, 5), level: "warn", subsystem: "telegram", text: "slow" });
});

test("a line that isn't ours is shown as it is", () => {
  expect(["oops", "null", "3", '{"a":1}'].map((text) => entryOf(text, 1).text)).toEqual(["oops", "null", "3", '{"a":1}']);
});

test("only so many lines are held, the newest", () => {
  const many = joined(joined([], ["first"]), Array.from({ length: KEPT_MAX }, (_, index) => `line ${index}`));
  expect([many.length, many[0]?.text, many.at(-1)?.id]).toEqual([KEPT_MAX, "line 0", KEPT_MAX + 1]);
});

test("level, subsystem and words filter together", () => {
  const entries = joined([], [line("DEBUG", "gateway", "a b"), line("ERROR", "gateway", "B c"), line("WARN", "cron", "b")]);
  const shown = (filter: object) => filtered(entries, { ...all, ...filter }).map(({ text }) => text);
  expect([shown({ level: "warn" }), shown({ subsystem: "gateway" }), shown({ words: "b gate" }), shown({ level: "error", words: "a" })]).toEqual([
    ["B c", "b"],
    ["a b", "B c"],
    ["a b", "B c"],
    ["B c"],
  ]);
  expect(subsystemsOf(entries)).toEqual(["cron", "gateway"]);
});

test("the text is one line each", () => {
  expect(textOf(joined([], [line("INFO", "cron", "ran"), "raw"]))).toBe("2026-01-02T03:04:05.000Z INFO [cron] ran\nINFO raw\n");
});
