import { expect, test } from "vitest";
import { PAGES } from "./table.ts";

test("no page has a name that the gateway's port uses itself", () => {
  const taken = ["health", "healthz", "hooks", "metrics", "ready", "readyz", "startupz", "telegram", "tools", "v1"];
  expect(PAGES.map(({ name }) => name).filter((name) => taken.includes(name))).toEqual([]);
});

test("names and keys are given once", () => {
  const names = PAGES.map(({ name }) => name);
  const keys = PAGES.flatMap(({ key }) => (key ? [key] : []));
  expect([new Set(names).size, new Set(keys).size]).toEqual([names.length, keys.length]);
});
