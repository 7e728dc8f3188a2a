// Agents: made, changed, told what to do by their files, and deleted; as a person does it.

import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, eventually, House, launch } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("an agent is made, gets a model, a file and fewer tools, and is deleted", async () => {
  const { page, complaints } = await enter(browser, house);
  await page.goto(`${house.url}/agents`);
  await page.getByRole("button", { name: "New agent" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Scribe");
  await page.getByRole("dialog").getByRole("button", { name: "New agent" }).click();
  await page.getByRole("heading", { name: "Scribe", level: 1 }).waitFor();

  await page.getByLabel("Model").selectOption("fake/small");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved, and in force.").waitFor();
  await eventually(() => readFileSync(house.configFile, "utf8").includes("fake/small"));

  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByRole("button", { name: /SOUL\.md/ }).click();
  await page.getByRole("textbox", { name: "SOUL.md" }).fill("Calm and exact.\n");
  await page.keyboard.press("Control+s");
  await page.getByText("SOUL.md is saved.").waitFor();

  await page.getByRole("tab", { name: "Tools" }).click();
  await page.getByRole("checkbox", { name: "exec" }).uncheck();
  await eventually(() => /"deny":\s*\["exec"\]/.test(readFileSync(house.configFile, "utf8").replaceAll(/\s+/g, " ").replaceAll("[ ", "[").replaceAll(" ]", "]")));
  await eventually(async () => !(await page.getByRole("checkbox", { name: "exec" }).isChecked()));

  await page.getByRole("tab", { name: "Identity" }).click();
  await page.getByRole("button", { name: "Delete agent" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete agent" }).click();
  await page.getByText("Scribe was deleted.").waitFor();
  await page.getByRole("link", { name: "Scribe" }).waitFor({ state: "detached" });
  expect(complaints).toEqual([]);
});
