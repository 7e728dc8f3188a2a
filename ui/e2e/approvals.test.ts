// Approvals: a question that waits is decided on the page, its rule is listed and revoked, and the decision is kept.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enter, House, launch, say } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build({ tools: { exec: { mode: "ask" } } }), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("a command is allowed for always, and revoked", async () => {
  house.model.answers(({ results }) => (results === 0 ? [{ tool: "exec", input: { command: "touch notes.txt" } }] : [{ text: "Done." }]));
  const { page, complaints } = await enter(browser, house);
  await say(page, "make a file");
  await page.locator("approval-card").waitFor();

  await page.getByRole("link", { name: "Approvals" }).click();
  await page.getByRole("region", { name: "Waiting for your decision" }).getByRole("button", { name: "Allow always" }).click();
  const rules = page.getByRole("table", { name: "Always allowed" });
  await rules.getByText("touch notes.txt").waitFor();
  await page.getByRole("table", { name: "Decisions" }).getByText("Allowed always").waitFor();

  await rules.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("No command is always allowed").waitFor();

  // The link that the gateway gives a question leads here, whatever became of it.
  await page.goto(`${house.url}/#approval=gone`);
  await page.reload();
  await page.getByRole("heading", { name: "Approvals", level: 1 }).waitFor();
  expect(complaints).toEqual([]);
});
