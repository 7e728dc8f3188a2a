// Skills: what is missing is said, they are given keys and switched off.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, eventually, House, launch } from "./house.ts";

const SKILL = `---
name: tea
description: How tea is made.
metadata: {"openclaw": {"primaryEnv": "TEA_KEY", "requires": {"bins": ["no-such-kettle"], "env": ["TEA_KEY"]}}}
---
Hot water.
`;

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
  const folder = join(dirname(house.configFile), "skills", "tea");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "SKILL.md"), SKILL);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("a skill says what it needs, gets its key and is switched off", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.goto(`${house.url}/skills`);
  const tea = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: "tea" }) });
  await tea.getByText("no-such-kettle").waitFor();
  await tea.getByLabel(/Its key/).fill("a-secret-of-tea");
  await tea.getByRole("button", { name: "Save key" }).click();
  await tea.getByText("Needs the variables").waitFor({ state: "detached" });
  expect(await tea.getByLabel(/Its key/).inputValue()).toBe("");
  expect(readFileSync(house.configFile, "utf8")).toContain("a-secret-of-tea");

  await tea.getByRole("checkbox").uncheck();
  await tea.getByText("Off", { exact: true }).waitFor();
  await eventually(() => /enabled"?: ?false/.test(readFileSync(house.configFile, "utf8")));
  expect(complaints).toEqual([]);
});
