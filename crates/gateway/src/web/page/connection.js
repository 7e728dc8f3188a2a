// One WebSocket to the gateway: handshake, requests, events, and reconnecting with back-off.

import { deviceIdentity } from "/identity.js";
import { words } from "/words.js";

const SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const CLIENT = { id: "webchat-ui", mode: "webchat", version: "1", platform: "web" };
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Why a request failed: the gateway's own error, or `OFFLINE` when the connection was lost before an answer. */
export class RequestError extends Error {
  constructor({ code, message, details, retryAfterMs }) {
    super(message);
    Object.assign(this, { code, details, retryAfterMs });
  }
}

/**
 * Stays connected until `close()`. Calls `onOpen(hello)`, `onEvent(name, payload)`, `onLost(delayMs)` and, when the
 * gateway refuses the login, `onRefused(error)` (then it doesn't try again by itself).
 */
export class Connection {
  #token;
  #handlers;
  #socket = null;
  #pending = new Map();
  #nextId = 1;
  #backoff = BACKOFF_FIRST_MS;
  #timer = null;
  #quietAfterMs = 0;
  #watchdog = null;
  #frameMax = Infinity;

  constructor(token, handlers) {
    this.#token = token;
    this.#handlers = handlers;
    this.#open();
  }

  /** Calls a method. Rejects with a `RequestError`. */
  call(method, params = {}) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(offline());
    const id = String(this.#nextId++);
    const frame = JSON.stringify({ type: "req", id, method, params });
    // The gateway hangs up on larger ones, and trying again would not help.
    if (new Blob([frame]).size > this.#frameMax) {
      return Promise.reject(new RequestError({ code: "TOO_LARGE", message: words.tooLarge }));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError({ code: "TIMEOUT", message: words.noAnswer(method) }));
      }, REQUEST_TIMEOUT_MS);
      this.#pending.set(id, { resolve, reject, timer });
      socket.send(frame);
    });
  }

  close() {
    this.#handlers = { onOpen() {}, onEvent() {}, onLost() {}, onRefused() {} };
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /** Tries at once, for example because the browser is online again. */
  hurry() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #open() {
    this.#timer = null;
    const url = new URL("/", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(socket, JSON.parse(data));
    socket.onclose = () => this.#lost(socket);
  }

  #receive(socket, frame) {
    this.#watch(socket);
    if (frame.type === "res") {
      const waiting = this.#pending.get(frame.id);
      if (!waiting) return;
      this.#pending.delete(frame.id);
      clearTimeout(waiting.timer);
      if (frame.ok) waiting.resolve(frame.payload);
      else waiting.reject(new RequestError(frame.error));
    } else if (frame.event === "connect.challenge") {
      this.#login(frame.payload).catch((error) => this.#refused(error));
    } else if (frame.type === "event") {
      this.#handlers.onEvent(frame.event, frame.payload);
    }
  }

  async #login({ nonce, ts }) {
    const params = {
      minProtocol: 3,
      maxProtocol: 4,
      client: CLIENT,
      caps: ["tool-events"],
      role: "operator",
      scopes: SCOPES,
      auth: this.#token ? { token: this.#token } : {},
      locale: navigator.language,
      userAgent: navigator.userAgent,
    };
    const device = await deviceIdentity();
    if (device) params.device = await signed(device, this.#token, nonce, ts);
    const hello = await this.call("connect", params);
    this.#backoff = BACKOFF_FIRST_MS;
    this.#frameMax = hello.policy?.maxPayload ?? Infinity;
    this.#quietAfterMs = 2 * (hello.policy?.tickIntervalMs ?? 30_000);
    this.#handlers.onOpen(hello);
  }

  #refused(error) {
    if (error.code === "OFFLINE" || error.code === "UNAVAILABLE" || error.code === "TIMEOUT") {
      this.#socket?.close();
      return;
    }
    const { onRefused } = this.#handlers;
    this.close();
    onRefused(error);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#watchdog);
    this.#socket = null;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(offline());
    }
    this.#pending.clear();
    const delay = this.#backoff * (0.75 + Math.random() / 2);
    this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX_MS);
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#handlers.onLost(delay);
  }

  // A connection on which nothing came for two ticks is dead, whatever the browser thinks.
  #watch(socket) {
    if (!this.#quietAfterMs) return;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      socket.close(4000);
      this.#lost(socket);
    }, this.#quietAfterMs);
  }
}

function offline() {
  return new RequestError({ code: "OFFLINE", message: words.offline });
}

async function signed(device, token, nonce, signedAt) {
  const { id, mode, platform } = CLIENT;
  const payload = ["v3", device.id, id, mode, "operator", SCOPES.join(","), signedAt, token, nonce, platform, ""];
  return { id: device.id, publicKey: device.publicKey, signature: await device.sign(payload.join("|")), signedAt, nonce };
}
