// One WebSocket to the gateway: handshake, requests, events, and reconnecting with back-off. Source: the gateway protocol, version 4.

import { MIN_PROTOCOL_VERSION, PROTOCOL_VERSION, type EventName } from "../protocol/names.ts";
import type { ChallengePayload, ConnectAuth, ConnectParams, EventFrame, HelloOk, ResponseFrame } from "../protocol/types.ts";
import { deviceIdentity, type DeviceIdentity } from "./identity.ts";
import { RequestError } from "./request-error.ts";
import { words } from "./words.ts";

const SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const CLIENT = { id: "webchat-ui", mode: "webchat", version: "1", platform: "web" };
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TICK_MS = 30_000;

export interface Handlers {
  onOpen(hello: HelloOk): void;
  onEvent(name: EventName, payload: unknown): void;
  /** Events were missed: what is shown may be out of date. */
  onGap(): void;
  /** Tries again after `delayMs`. */
  onLost(delayMs: number): void;
  /** The gateway refuses the login. It isn't tried again by itself. */
  onRefused(error: RequestError): void;
}

interface Waiting {
  resolve(payload: unknown): void;
  reject(error: RequestError): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Stays connected until `close()`. */
export class Connection {
  #socket: WebSocket | null = null;
  #isClosed = false;
  #pending = new Map<string, Waiting>();
  #nextId = 1;
  #seen = 0;
  #backoff = BACKOFF_FIRST_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #quietAfterMs = 0;
  #frameMax = Infinity;

  constructor(
    private readonly auth: ConnectAuth,
    private readonly handlers: Handlers,
  ) {
    this.#open();
  }

  /** Calls a method. Rejects with a `RequestError`. */
  call(method: string, params: unknown = {}, timeoutMs: number = REQUEST_TIMEOUT_MS): Promise<unknown> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(offline());
    const id = String(this.#nextId++);
    const frame = JSON.stringify({ type: "req", id, method, params });
    // The gateway hangs up on larger ones, and trying again would not help.
    if (new Blob([frame]).size > this.#frameMax) {
      return Promise.reject(new RequestError({ code: "TOO_LARGE", message: words().tooLarge }));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError({ code: "TIMEOUT", message: words().noAnswer(method) }));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      socket.send(frame);
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#abandon();
  }

  /** Tries at once, for example because the browser is online again. */
  hurry(): void {
    if (this.#timer !== undefined) this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const url = new URL("/", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#seen = 0;
    socket.onmessage = ({ data }) => this.#receive(socket, JSON.parse(data as string) as EventFrame | ResponseFrame);
    socket.onclose = () => this.#lost(socket);
  }

  #receive(socket: WebSocket, frame: EventFrame | ResponseFrame): void {
    if (socket !== this.#socket) return;
    this.#watch(socket);
    if (frame.type === "res") this.#answer(frame);
    else if (frame.event === "connect.challenge") void this.#login(frame.payload as ChallengePayload);
    else this.#event(frame);
  }

  #answer(frame: ResponseFrame): void {
    const waiting = this.#pending.get(frame.id);
    if (!waiting) return;
    this.#pending.delete(frame.id);
    clearTimeout(waiting.timer);
    if (frame.ok) waiting.resolve(frame.payload);
    else waiting.reject(new RequestError(frame.error ?? { code: "UNAVAILABLE", message: "" }));
  }

  #event(frame: EventFrame): void {
    if (frame.seq !== undefined) {
      const isGap = frame.seq !== this.#seen + 1;
      this.#seen = frame.seq;
      if (isGap) this.handlers.onGap();
    }
    this.handlers.onEvent(frame.event as EventName, frame.payload);
  }

  async #login(challenge: ChallengePayload): Promise<void> {
    try {
      const hello = (await this.call("connect", await connectParams(this.auth, challenge))) as HelloOk;
      this.#backoff = BACKOFF_FIRST_MS;
      this.#frameMax = hello.policy.maxPayload || Infinity;
      this.#quietAfterMs = 2 * (hello.policy.tickIntervalMs || TICK_MS);
      if (!this.#isClosed) this.handlers.onOpen(hello);
    } catch (error) {
      this.#refused(error as RequestError);
    }
  }

  #refused(error: RequestError): void {
    if (this.#isClosed) return;
    if (error.isUncertain) {
      this.#socket?.close();
      return;
    }
    this.close();
    this.handlers.onRefused(error);
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#watchdog);
    this.#socket = null;
    this.#abandon();
    const delay = this.#backoff * (0.75 + Math.random() / 2);
    this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX_MS);
    this.#timer = setTimeout(() => this.#open(), delay);
    this.handlers.onLost(delay);
  }

  #abandon(): void {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(offline());
    }
    this.#pending.clear();
  }

  /** A connection on which nothing came for two ticks is dead, whatever the browser thinks. */
  #watch(socket: WebSocket): void {
    if (!this.#quietAfterMs) return;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      socket.close(4000);
      this.#lost(socket);
    }, this.#quietAfterMs);
  }
}

async function connectParams(auth: ConnectAuth, challenge: ChallengePayload): Promise<ConnectParams> {
  const params: ConnectParams = {
    minProtocol: MIN_PROTOCOL_VERSION,
    maxProtocol: PROTOCOL_VERSION,
    client: CLIENT,
    caps: ["tool-events"],
    role: "operator",
    scopes: SCOPES,
    auth,
    locale: navigator.language,
    userAgent: navigator.userAgent,
  };
  const device = await deviceIdentity();
  if (device) params.device = await signed(device, auth, challenge);
  return params;
}

/** The device's proof: the payload of version 3, signed. */
async function signed(device: DeviceIdentity, auth: ConnectAuth, { nonce, ts }: ChallengePayload): Promise<ConnectParams["device"]> {
  const { id, mode, platform } = CLIENT;
  const credential = auth.token ?? auth.deviceToken ?? auth.bootstrapToken ?? "";
  const payload = ["v3", device.id, id, mode, "operator", SCOPES.join(","), ts, credential, nonce, platform, ""];
  const signature = await device.sign(payload.join("|"));
  return { id: device.id, publicKey: device.publicKey, signature, signedAt: ts, nonce };
}

function offline(): RequestError {
  return new RequestError({ code: "OFFLINE", message: words().offline });
}
