// A fresh gateway: the page opens on the set-up, and what is entered there is tried out before it is kept.

import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { House, launch, TOKEN, visit } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build({ models: {}, agents: {} }), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("a model is tried out and kept, a wrong one is not, and the assistant gets a character", async () => {
  const { page, complaints } = await visit(browser);
  await page.goto(`${house.url}/#token=${TOKEN}`);
  await page.getByRole("heading", { name: "Set up", level: 1 }).waitFor();

  await enterModel(page, "http://127.0.0.1:9/v1");
  await page.getByText("Nothing of it was kept.").waitFor({ timeout: 60_000 });
  expect(readFileSync(house.configFile, "utf8")).not.toContain("127.0.0.1:9/v1");

  house.model.answers(() => [{ text: "OK" }]);
  await enterModel(page, house.model.url);
  await page.getByText("It answers: own/big").waitFor({ timeout: 30_000 });
  const file = readFileSync(house.configFile, "utf8");
  expect([file.includes("a-key-of-ours"), file.includes("own/big")]).toEqual([true, true]);

  await page.getByLabel("Name", { exact: true }).fill("Ada");
  await page.getByLabel("What it should be like").fill("Exact and kind.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved. It knows at its next answer.").waitFor();

  await page.getByRole("link", { name: "Start chatting" }).click();
  await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

async function enterModel(page: Page, address: string): Promise<void> {
  await page.getByLabel("Vendor").selectOption("own");
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("Key (if it needs one)").fill("a-key-of-ours");
  await page.getByLabel("Name of the model").fill("big");
  await page.getByRole("button", { name: "Test and keep" }).first().click();
}
