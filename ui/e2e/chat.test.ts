// A conversation in a real browser: streaming, tools, questions, files, and a gateway that dies in the middle.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { conversation, enter, eventually, House, launch, say, type Visit } from "./house.ts";

let house: House;
let browser: Browser;
let visited: Visit;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterEach(() => visited.page.context().close());

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("an answer is shown while it is written, in Markdown, and nothing in it is run", async () => {
  visited = await enter(browser, house);
  const { page, complaints } = visited;
  const hostile = '<img src=x onerror="window.pwned=1"> [x](javascript:window.pwned=1) \u202Egnp.exe';
  house.model.answers(() => [{ text: "# Plan\n\nFirst **bold**" }, { hold: true }, { text: ` done\n\n\`\`\`js\nlet a = 1;\n\`\`\`\n\n${hostile}` }]);
  await say(page, "make a plan");
  await conversation(page).getByRole("heading", { name: "Plan" }).waitFor();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  house.model.release();
  await page.locator(".prose code .c-keyword").waitFor();
  await conversation(page).getByText("⟨U+202E⟩gnp.exe").waitFor();
  expect(await page.evaluate(() => "pwned" in globalThis)).toBe(false);
  await page.getByText("1.2K tokens in, 40 out").waitFor();
  await page.getByText("$0.0018").waitFor();
  expect(complaints).toEqual([]);
});

test("thinking is folded and a tool is a card with what went in and came out", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  house.model.answers(({ results }) => (results === 0 ? [{ text: "Let me look." }, { tool: "ls", input: { path: "." } }] : [{ text: "I looked." }]));
  await say(page, "look around");
  await conversation(page).getByText("I looked.").waitFor();
  const card = page.locator(".tool-card").last();
  await card.locator("summary").click();
  await card.getByText('"path": "."').waitFor();
});

test("a question is answered where it is asked", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  const decided: unknown[] = [];
  await page.exposeFunction("decided", (decision: unknown) => void decided.push(decision));
  await page.evaluate(askForApproval, house.url);
  await page.getByText("May the assistant do this?").waitFor();
  await page.getByText("rm -rf build").waitFor();
  await page.getByRole("button", { name: "Allow once" }).click();
  await eventually(() => decided[0] === "allow-once");
  await page.getByText("May the assistant do this?").waitFor({ state: "detached" });
});

test("stop ends the turn, and what follows it waits its turn", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  house.model.answers(({ words }) => (words.includes("slow") ? [{ text: "Begun" }, { hold: true }] : [{ text: `Then: ${words}` }]));
  await say(page, "something slow");
  await conversation(page).getByText("Begun").last().waitFor();
  await say(page, "and this");
  await conversation(page).getByText("Waiting for its turn").waitFor();
  await page.keyboard.press("Escape");
  await conversation(page).getByText("Stopped.").last().waitFor();
  house.model.release();
});

test("a gateway that is killed amid an answer comes back, and nothing is lost or said twice", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  house.model.answers(() => [{ text: "Half of it" }, { hold: true }, { text: " and the rest." }]);
  await say(page, "tell me all");
  await conversation(page).getByText("Half of it").waitFor();
  await house.kill();
  house.model.release();
  await page.getByText(/No connection/).first().waitFor();
  await say(page, "still there?");
  await page.getByText("Your message is kept").waitFor();
  house.model.answers(({ words }) => [{ text: words.includes("still") ? "Here again." : "All of it." }]);
  await house.start();
  await conversation(page).getByText("Here again.").waitFor({ timeout: 30_000 });
  await eventually(async () => (await page.locator(".bubble.pending").count()) === 0);
  expect(await page.locator(".bubble", { hasText: "still there?" }).count()).toBe(1);
  expect(await conversation(page).getByText("Here again.").count()).toBe(1);
});

test("a file is attached by picking it, and can be taken off again", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  await page.locator(".attach input").setInputFiles([{ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") }]);
  await page.getByText("notes.txt").waitFor();
  await page.getByRole("button", { name: "Remove: notes.txt" }).click();
  await page.getByText("notes.txt").waitFor({ state: "detached" });
});

test("a slash offers commands, which keys complete and carry out", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  const field = page.getByRole("textbox", { name: "Message", exact: true });
  await field.fill("/mod");
  await page.getByRole("option", { name: /\/model/ }).first().waitFor();
  await page.keyboard.press("Tab");
  expect(await field.inputValue()).toBe("/model ");
  await field.fill("/stat");
  await page.getByRole("option", { name: /\/status/ }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await conversation(page).getByText("/status").waitFor();
});

test("sessions are made, renamed, found and reached by their address", async () => {
  visited = await enter(browser, house);
  const { page } = visited;
  house.model.answers(({ words }) => [{ text: `Noted: ${words}` }]);
  await page.getByRole("button", { name: "New session" }).click();
  await say(page, "a new beginning");
  await conversation(page).getByText("Noted: a new beginning").waitFor();
  const address = page.url();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Beginnings");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Beginnings" }).waitFor();
  await page.getByRole("searchbox").fill("Beginnings");
  await page.getByRole("link", { name: /Beginnings/ }).waitFor();
  await page.goto(address);
  await page.getByRole("heading", { name: "Beginnings" }).waitFor();
  await conversation(page).getByText("Noted: a new beginning").waitFor();
});

/** Runs in the page: another client asks for a decision, as programs of the house do, and tells what was decided. */
async function askForApproval(): Promise<void> {
  const { decided } = globalThis as unknown as { decided(decision: unknown): void };
  const url = new URL("/", location.href);
  url.protocol = "ws:";
  const socket = new WebSocket(url);
  const request = (id: string, method: string, params: unknown) => socket.send(JSON.stringify({ type: "req", id, method, params }));
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    const frame = JSON.parse(data) as { type: string; event?: string; id?: string; payload?: { decision?: string } };
    if (frame.event === "connect.challenge") {
      const client = { id: "test", version: "1", platform: "test", mode: "cli" };
      const auth = { token: sessionStorage.getItem("chela.token") };
      request("1", "connect", { minProtocol: 4, maxProtocol: 4, client, role: "operator", scopes: ["operator.approvals"], auth });
    } else if (frame.id === "1") {
      request("2", "exec.approval.request", { command: "rm -rf build" });
    } else if (frame.id === "2") decided(frame.payload?.decision);
  };
}
