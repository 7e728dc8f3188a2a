import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { HelloOk } from "../protocol/types.ts";
import { Connection, type Handlers } from "./connection.ts";
import { RequestError } from "./request-error.ts";

/** The other end of each socket that the page opened. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = FakeSocket.OPEN;
  sent: { id: string; method: string; params: Record<string, unknown> }[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: URL) {
    FakeSocket.all.push(this);
  }

  send(frame: string): void {
    this.sent.push(JSON.parse(frame) as FakeSocket["sent"][number]);
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Answers the newest request of a method. */
  answer(method: string, answer: object): void {
    const { id } = this.sent.findLast((frame) => frame.method === method)!;
    this.say({ type: "res", id, ...answer });
  }
}

const HELLO = { policy: { maxPayload: 1_000, tickIntervalMs: 30_000 }, auth: { scopes: [] } } as unknown as HelloOk;

let told: string[];
let connection: Connection;

function connect(): void {
  const handlers: Handlers = {
    onOpen: () => void told.push("open"),
    onEvent: (name) => void told.push(name),
    onGap: () => void told.push("gap"),
    onLost: () => void told.push("lost"),
    onRefused: (error) => void told.push(`refused ${error.details.code}`),
  };
  connection = new Connection({ token: "t" }, handlers);
}

const socket = (): FakeSocket => FakeSocket.all.at(-1)!;

/** The gateway's side of a handshake up to its answer. */
async function challenge(): Promise<void> {
  socket().say({ type: "event", event: "connect.challenge", payload: { nonce: "n", ts: 1 } });
  await vi.waitUntil(() => socket().sent.length > 0);
}

async function open(): Promise<void> {
  connect();
  await challenge();
  socket().answer("connect", { ok: true, payload: HELLO });
  await vi.waitUntil(() => told.includes("open"));
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("location", { href: "https://gateway.example/chat/a#token=never" });
  FakeSocket.all = [];
  told = [];
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("the token goes into the first request, and never into an address", async () => {
  await open();
  expect(socket().url.href).toBe("wss://gateway.example/");
  expect(socket().sent[0]).toMatchObject({ method: "connect", params: { minProtocol: 3, maxProtocol: 4, role: "operator", auth: { token: "t" } } });
});

test("events in a row are events, and one that is missing is told", async () => {
  await open();
  socket().say({ type: "event", event: "tick", payload: {} });
  for (const seq of [1, 2, 4, 5]) socket().say({ type: "event", event: "chat", payload: {}, seq });
  expect(told).toEqual(["open", "tick", "chat", "chat", "gap", "chat", "chat"]);
});

test("an answer finds its question, a refusal says why, and silence ends", async () => {
  await open();
  const [good, bad, silent] = ["health", "chat.send", "status"].map((method) => connection.call(method).catch((error: RequestError) => error.code));
  socket().answer("health", { ok: true, payload: 7 });
  socket().answer("chat.send", { ok: false, error: { code: "FORBIDDEN", message: "no" } });
  expect([await good, await bad]).toEqual([7, "FORBIDDEN"]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await silent).toBe("TIMEOUT");
});

test("what is larger than the gateway takes is never sent", async () => {
  await open();
  const before = socket().sent.length;
  await expect(connection.call("chat.send", { message: "x".repeat(2_000) })).rejects.toMatchObject({ code: "TOO_LARGE" });
  expect(socket().sent.length).toBe(before);
});

test("a lost connection fails what waits, and is tried again", async () => {
  await open();
  const waiting = connection.call("health").catch((error: RequestError) => error.code);
  socket().close();
  expect([await waiting, told.at(-1), FakeSocket.all.length]).toEqual(["OFFLINE", "lost", 1]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.all.length).toBe(2);
  await challenge();
  socket().answer("connect", { ok: true, payload: HELLO });
  await vi.waitUntil(() => told.filter((one) => one === "open").length === 2);
});

test("a connection on which nothing comes is dead, whatever the browser thinks", async () => {
  await open();
  await vi.advanceTimersByTimeAsync(59_000);
  socket().say({ type: "event", event: "tick", payload: {} });
  await vi.advanceTimersByTimeAsync(59_000);
  expect(told).not.toContain("lost");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told).toContain("lost");
});

test("a refused login isn't tried again by itself", async () => {
  connect();
  await challenge();
  socket().answer("connect", { ok: false, error: { code: "INVALID_REQUEST", message: "no", details: { code: "AUTH_TOKEN_MISMATCH" } } });
  await vi.waitUntil(() => told.length > 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told, FakeSocket.all.length]).toEqual([["refused AUTH_TOKEN_MISMATCH"], 1]);
});

test("a gateway that is only starting is tried again", async () => {
  connect();
  await challenge();
  socket().answer("connect", { ok: false, error: { code: "UNAVAILABLE", message: "starting" } });
  await vi.waitUntil(() => told.includes("lost"));
});
