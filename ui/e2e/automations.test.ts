// Automations: made in the form, run by hand, seen in their history, turned off and deleted.

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

test("an automation is made, run, changed and deleted", async () => {
  const { page, complaints } = await enter(browser, house);
  house.model.answers(() => [{ text: "The kettle is on." }]);
  await page.getByRole("link", { name: "Automations" }).click();
  await page.getByText("Nothing runs by itself yet").waitFor();
  await page.getByRole("link", { name: "New automation" }).first().click();

  // What is missing is said, and the first of it has the focus.
  await page.getByRole("button", { name: "New automation" }).click();
  await page.getByText("Give it a name.").waitFor();
  expect(await page.getByLabel("Name").evaluate((field) => field === document.activeElement)).toBe(true);

  await page.getByLabel("Name").fill("Tea");
  await page.getByLabel("What the assistant is told").fill("Put the kettle on.");
  await page.getByRole("button", { name: "Weekdays" }).click();
  await page.getByText("Monday to Friday at 09:00").waitFor();
  await page.getByLabel("Time zone").fill("Asia/Taipei");
  await page.getByRole("button", { name: "New automation" }).click();
  await page.getByRole("heading", { name: "Tea", level: 1 }).waitFor();
  await page.getByText("Monday to Friday at 09:00 · Asia/Taipei").waitFor();

  await page.getByText("It has not run yet").waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("cell", { name: "The kettle is on." }).waitFor();

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByRole("radio", { name: "Again and again" }).check();
  await page.getByLabel("Every", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Every 2 hr").first().waitFor();

  await page.getByRole("button", { name: "Turn off" }).click();
  await page.getByRole("button", { name: "Turn on" }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nothing runs by itself yet").waitFor();
  expect(complaints).toEqual([]);
});
