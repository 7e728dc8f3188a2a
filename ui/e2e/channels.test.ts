// Channels: an account whose platform can't be reached says so, is stopped and started; strangers are told apart from people who were let in.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, House, launch } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  // Nobody listens there.
  const telegram = { enabled: true, botToken: "1:x", apiRoot: "http://127.0.0.1:9" };
  [house, browser] = await Promise.all([House.build({ channels: { telegram } }), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("an account says how it stands, and is stopped and started by hand", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.getByRole("link", { name: "Channels" }).click();
  const card = page.getByRole("region", { name: "Telegram" });
  await card.waitFor();
  expect(await card.getByText("Connected", { exact: true }).count()).toBe(0);
  await card.getByText("not since the start").first().waitFor();

  await card.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await card.getByText("Stopped", { exact: true }).waitFor();
  await card.getByRole("button", { name: "Start" }).click();
  await card.getByRole("button", { name: "Stop" }).waitFor();
  expect(complaints).toEqual([]);
});
