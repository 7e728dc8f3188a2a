// The log: lines come by themselves, filters hold, and pausing holds still.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, House, launch } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("the log is live, filtered, paused and downloaded", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.goto(`${house.url}/logs`);
  const lines = page.getByRole("region", { name: "Logs" });
  await lines.getByText("agent model: fake/big").waitFor();
  const paired = lines.getByText("paired a device");
  const before = await paired.count();
  await page.getByRole("button", { name: "Pause" }).click();
  // A browser of its own is a device that pairs, which is written down.
  const other = await enter(browser, house);
  await other.page.context().close();
  expect(await paired.count()).toBe(before);
  await page.getByRole("button", { name: "Resume" }).click();
  await paired.nth(before).waitFor();
  await page.getByRole("searchbox", { name: "Search" }).fill("paired");
  await lines.getByText("agent model").waitFor({ state: "detached" });
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await downloading).suggestedFilename()).toMatch(/^chela-.*\.log$/);
  await page.getByRole("combobox", { name: "Level" }).selectOption("error");
  await page.getByText("No line matches").waitFor();
  expect(complaints).toEqual([]);
});
