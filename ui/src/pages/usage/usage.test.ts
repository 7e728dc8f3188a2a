import { expect, test } from "vitest";
import type { DatedModelUsage } from "../../protocol/types.ts";
import { csv } from "./csv.ts";
import { paramsOf, rangeOf, written } from "./range.ts";
import { chartOf, datesBetween, ticks } from "./series.ts";

const row = (date: string, model: string, cost: number, tokens = 1): DatedModelUsage => ({ date, provider: "p", model, cost, tokens, count: 1 });

test("days without calls have bars too, and models are stacked by their size", () => {
  const rows = [row("2026-11-18", "a", 1, 100), row("2026-11-20", "b", 3, 10), row("2026-11-20", "a", 1, 5)];
  const days = { startDate: "2026-11-18", endDate: "2026-11-20", rows };
  expect(chartOf(days, "cost")).toEqual({
    step: "day",
    series: ["p/b", "p/a"],
    bars: [
      { date: "2026-11-18", parts: [0, 1], sum: 1 },
      { date: "2026-11-19", parts: [0, 0], sum: 0 },
      { date: "2026-11-20", parts: [3, 1], sum: 4 },
    ],
    max: 4,
  });
  expect(chartOf(days, "tokens")).toMatchObject({ series: ["p/a", "p/b"], max: 100 });
});

test("many models become others, and many days weeks or months", () => {
  const rows = ["a", "b", "c", "d", "e", "f", "g"].map((model, index) => row("2026-11-20", model, 10 - index));
  const few = chartOf({ startDate: "2026-11-20", endDate: "2026-11-20", rows }, "cost");
  expect([few.series, few.bars[0]?.parts]).toEqual([["p/a", "p/b", "p/c", "p/d", "p/e", null], [10, 9, 8, 7, 6, 9]]);
  const year = chartOf({ startDate: "2025-11-21", endDate: "2026-11-20", rows }, "cost");
  expect([year.step, year.bars.length, year.bars.at(-1)]).toMatchObject(["week", 53, { date: "2026-11-16", sum: 49 }]);
  const all = chartOf({ startDate: "2021-01-15", endDate: "2026-11-20", rows }, "cost");
  expect([all.step, all.bars[0]?.date, all.bars.at(-1)?.date]).toEqual(["month", "2021-01-01", "2026-11-01"]);
  expect(chartOf({ startDate: "", endDate: "", rows: [] }, "cost")).toMatchObject({ bars: [], max: 0 });
});

test("a scale has round values that reach over the largest", () => {
  expect(ticks(4)).toEqual([0, 1, 2, 3, 4]);
  expect(ticks(0.43)).toEqual([0, 0.2, 0.4, 0.6]);
  expect(ticks(512_988)).toEqual([0, 200_000, 400_000, 600_000]);
  expect(ticks(0)).toEqual([0]);
  expect(ticks(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
});

test("days are counted over changes of clocks and months", () => {
  expect(datesBetween("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  expect(datesBetween("2026-03-28", "2026-03-30")).toHaveLength(3);
});

test("the address says the days", () => {
  expect(rangeOf("7d")).toEqual({ preset: "7d" });
  expect(rangeOf("2026-11-01..2026-11-20")).toEqual({ from: "2026-11-01", to: "2026-11-20" });
  for (const bad of ["", "8d", "2026-11-20..2026-11-01", "2026-02-30..2026-03-01", "a..b"]) expect(rangeOf(bad), bad).toEqual({ preset: "30d" });
  expect(written(rangeOf("2026-11-01..2026-11-20"))).toBe("2026-11-01..2026-11-20");
  expect(paramsOf(rangeOf("2026-11-01..2026-11-02"), "Asia/Taipei")).toEqual({
    startDate: "2026-11-01",
    endDate: "2026-11-02",
    mode: "specific",
    timeZone: "Asia/Taipei",
    agentScope: "all",
  });
});

test("what spreadsheets would misread is written so that they don't", () => {
  expect(csv(["name", "cost"], [["a, \"b\"", 1.5], ["=1+1", 0], ["two\nlines", undefined]])).toBe('\uFEFFname,cost\r\n"a, ""b""",1.5\r\n\'=1+1,0\r\n"two\nlines",\r\n');
});
