// What the gateway says of itself.

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

test("version, file and machine are named, and keys are shown", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.goto(`${house.url}/about`);
  await page.getByText(/^chela \d+\.\d+/).waitFor();
  await page.getByText(house.configFile).waitFor();
  await page.getByText("Running for").waitFor();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await page.getByRole("dialog").waitFor();
  expect(complaints).toEqual([]);
});
