// Usage: calls are counted, shown by day, model and session, and downloaded as a table.

import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, House, launch, say } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("what was used is shown and downloaded", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.getByRole("link", { name: "Usage" }).click();
  await page.getByText("Nothing was used in these days").waitFor();
  await page.getByRole("link", { name: "Chat" }).click();
  await say(page, "hello");
  await page.getByText("You said: hello").first().waitFor();
  await page.getByText("tokens in").waitFor();

  await page.getByRole("link", { name: "Usage" }).click();
  await page.getByRole("img", { name: /^Cost over 30 bars/ }).waitFor();
  await page.getByRole("table", { name: "By model" }).getByText("fake/big").waitFor();
  await page.getByRole("button", { name: "Tokens" }).click();
  await page.getByRole("img", { name: /^Tokens over 30 bars, at most 1,240/ }).waitFor();
  await page.getByRole("link", { name: "7 days" }).click();
  await page.getByRole("img", { name: /^Tokens over 7 bars/ }).waitFor();

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV: By model" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^chela-usage-models-.*\.csv$/);
  const lines = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  expect(lines[1]).toMatch(/^fake,big,1,/);
  expect(complaints).toEqual([]);
});
