// What the page costs: a session of thousands of messages, and an answer that arrives sixty times a second. The line to the gateway is
// real; its history and the deltas are made here. Figures are printed, since machines differ; only script that is far beyond its limit
// fails.

import type { Browser, CDPSession, Page, WebSocketRoute } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { conversation, eventually, House, launch, TOKEN, visit } from "./house.ts";

const MESSAGES = 2_000;
const UPDATES = 300;
/** Of script, for each update of a streaming answer: the design says 4 ms. */
const UPDATE_MAX_MS = 16;
/** A long way to scroll on a machine that does other work too. */
const LONG_MS = 240_000;
const WINDOWS_A_FRAME = 4;
const SESSION = "agent:main:main";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("a session of 2,000 messages opens at its end and is read up to its beginning", async () => {
  const { page, complaints } = await visit(browser);
  await between(page, (frame) => (frame.method === "chat.history" ? historyOf(frame.params as Asked) : undefined));
  await page.goto(`${house.url}/#token=${TOKEN}`);
  await conversation(page).getByText(`Answer ${MESSAGES} of many`).waitFor();
  expect(await page.locator(".entry .prose").count()).toBeLessThan(60);
  const scroller = conversation(page);
  const cdp = await page.context().newCDPSession(page);
  const opened = await metrics(cdp);
  await eventually(async () => {
    await scroller.evaluate((node) => (node.scrollTop = 0));
    return (await page.locator("chat-entry").count()) === MESSAGES;
  }, LONG_MS / 2);
  // The last page, too, leaves the reader where they were.
  await scroller.evaluate((node) => (node.scrollTop = 0));
  await conversation(page).getByText("Question 1 of many", { exact: true }).waitFor();
  const loaded = difference(opened, await metrics(cdp));
  console.info(`2,000 messages: script ${loaded.script.toFixed(0)} ms, layout ${loaded.layout.toFixed(0)} ms to load them all, a page after the other`);
  const before = await metrics(cdp);
  const frames = await scroller.evaluate(scrollThrough, WINDOWS_A_FRAME);
  const { script, layout } = difference(before, await metrics(cdp));
  console.info(`2,000 messages: ${frames.count} frames down, slowest ${frames.slowest.toFixed(0)} ms; script ${script.toFixed(0)} ms, layout ${layout.toFixed(0)} ms in all`);
  expect(complaints).toEqual([]);
}, LONG_MS);

test("sixty updates a second cost little each", async () => {
  const { page, complaints } = await visit(browser);
  const line = await between(page, () => undefined);
  await page.goto(`${house.url}/#token=${TOKEN}`);
  await page.locator("page-chat").waitFor();
  const cdp = await page.context().newCDPSession(page);
  const before = await metrics(cdp);
  let text = "";
  for (let update = 1; update <= UPDATES; update += 1) {
    text += update % 20 === 0 ? "\n\n## A heading\n\n- with a list\n" : `some **words** of number ${update}, `;
    const message = { role: "assistant", content: [{ type: "text", text }] };
    line.send({ type: "event", event: "chat", payload: { runId: "r", sessionKey: SESSION, seq: update, state: "delta", deltaText: "", message } });
    await page.waitForTimeout(1000 / 60);
  }
  await conversation(page).getByText(`number ${UPDATES - 1},`).waitFor();
  const { script, layout } = difference(before, await metrics(cdp));
  console.info(`streaming: ${(script / UPDATES).toFixed(2)} ms of script and ${(layout / UPDATES).toFixed(2)} ms of layout for each of ${UPDATES} updates`);
  expect(script / UPDATES).toBeLessThan(UPDATE_MAX_MS);
  expect(complaints).toEqual([]);
});

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly method?: string;
  readonly params?: unknown;
}

interface Asked {
  readonly limit: number;
  readonly offset?: number;
}

/** Stands between the page and the gateway: answers what `answer` answers, passes the rest on, and can say more. */
async function between(page: Page, answer: (frame: Frame) => unknown): Promise<{ send(frame: object): void }> {
  let line: WebSocketRoute | null = null;
  await page.routeWebSocket(/./, (route) => {
    line = route;
    const gateway = route.connectToServer();
    route.onMessage((text) => {
      const frame = JSON.parse(text as string) as Frame;
      const payload = answer(frame);
      if (payload === undefined) gateway.send(text);
      else route.send(JSON.stringify({ type: "res", id: frame.id, ok: true, payload }));
    });
  });
  return { send: (frame) => line?.send(JSON.stringify(frame)) };
}

/** A page of a long history, as the gateway pages it. */
function historyOf({ limit, offset = 0 }: Asked): object {
  const end = MESSAGES - offset;
  const begin = Math.max(1, end - limit + 1);
  const messages = Array.from({ length: end - begin + 1 }, (_, index) => messageAt(begin + index));
  return { sessionKey: SESSION, messages, hasMore: begin > 1, totalMessages: MESSAGES, sessionInfo: { key: SESSION, activeRunIds: [] } };
}

function messageAt(seq: number): object {
  const facts = { timestamp: 1_700_000_000_000 + seq * 60_000, __openclaw: { id: `i${seq}`, seq, runId: `run${Math.ceil(seq / 2)}` } };
  if (seq % 2 === 1) return { role: "user", content: `Question ${seq} of many`, idempotencyKey: `k${seq}:user`, ...facts };
  const text = `Answer ${seq} of many\n\n- one\n- two **bold**\n\n\`\`\`js\nlet a = ${seq};\n\`\`\`\n\n${"Some words more. ".repeat(seq % 30)}`;
  return { role: "assistant", content: [{ type: "text", text }], ...facts };
}

/** Runs in the page: scrolls to the end, some windows at a time, and tells how long the slowest frame took. */
function scrollThrough(node: Element, windows: number): Promise<{ count: number; slowest: number }> {
  return new Promise((resolve) => {
    let [count, slowest, last] = [0, 0, performance.now()];
    const step = () => {
      const now = performance.now();
      slowest = Math.max(slowest, now - last);
      last = now;
      count += 1;
      if (node.scrollTop + node.clientHeight >= node.scrollHeight - 1) return resolve({ count, slowest });
      node.scrollTop += windows * node.clientHeight;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

interface Spent {
  readonly script: number;
  readonly layout: number;
}

async function metrics(cdp: CDPSession): Promise<Spent> {
  await cdp.send("Performance.enable");
  const { metrics: all } = await cdp.send("Performance.getMetrics");
  const ms = (name: string) => (all.find((metric) => metric.name === name)?.value ?? 0) * 1000;
  return { script: ms("ScriptDuration"), layout: ms("LayoutDuration") + ms("RecalcStyleDuration") };
}

function difference(before: Spent, after: Spent): Spent {
  return { script: after.script - before.script, layout: after.layout - before.layout };
}
