// The page's one line to its gateway: logged in or not, what it granted, calls and events. Everything else asks through here.

import type { EventName } from "../protocol/names.ts";
import type { ConnectAuth, HelloOk, Scope } from "../protocol/types.ts";
import { forgetPerson } from "../state/shelf.ts";
import { Computed, Signal } from "../state/signal.ts";
import { Connection } from "./connection.ts";
import * as credential from "./credential.ts";
import type { EventPayloads } from "./events.ts";
import type { Methods } from "./methods.ts";
import { RequestError } from "./request-error.ts";
import { words } from "./words.ts";

/** A refused browser that waits for a person's yes asks again after this time. */
const PAIRING_RETRY_MS = 4_000;

/** How things stand between the page and its gateway. */
export type Line =
  /** Before the first try, and after a logout. */
  | { readonly state: "out" }
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** The gateway says that it starts anew. */
  | { readonly state: "restarting" }
  | { readonly state: "lost"; readonly retryAtMs: number }
  | { readonly state: "refused"; readonly error: RequestError };

/** Methods without parameters may be called without them. */
type Arguments<P> = Record<never, never> extends P ? [params?: P] : [params: P];

class Gateway {
  readonly line = new Signal<Line>({ state: "out" });
  /** What the gateway said when it last let us in; stays while the connection is lost. */
  readonly hello = new Signal<HelloOk | null>(null);
  readonly isOpen = new Computed(() => this.line.value.state === "open" || this.line.value.state === "restarting");
  #connection: Connection | null = null;
  #listeners = new Map<string, Set<(payload: never) => void>>();
  #fresheners = new Set<() => void>();
  #pairing: ReturnType<typeof setTimeout> | undefined;

  /** Logs in, and stays logged in over lost connections. */
  login(auth: ConnectAuth): void {
    clearTimeout(this.#pairing);
    this.#connection?.close();
    this.line.value = { state: "connecting" };
    this.#connection = new Connection(auth, {
      onOpen: (hello) => this.#opened(hello, auth),
      onEvent: (name, payload) => this.#event(name, payload),
      onGap: () => this.#freshen(),
      onLost: (delayMs) => (this.line.value = { state: "lost", retryAtMs: Date.now() + delayMs }),
      onRefused: (error) => this.#refused(error, auth),
    });
  }

  /** Forgets everything that this tab knows of the gateway. */
  logout(): void {
    this.#connection?.close();
    forgetPerson();
    location.assign("/");
  }

  /** Tries a lost connection again at once. */
  hurry(): void {
    this.#connection?.hurry();
  }

  /** Calls a method. Rejects with a `RequestError`. */
  call<M extends keyof Methods>(method: M, ...[params]: Arguments<Methods[M][0]>): Promise<Methods[M][1]> {
    const connection = this.#connection;
    if (!connection) return Promise.reject(new RequestError({ code: "OFFLINE", message: words().offline }));
    return connection.call(method, params) as Promise<Methods[M][1]>;
  }

  /** Hears an event until what it returns is called. */
  on<E extends EventName>(name: E, listener: (payload: EventPayloads[E]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Calls `ask` whenever what is shown may be out of date: now, if the connection is open, after each login, and when events were missed. */
  onFresh(ask: () => void): () => void {
    this.#fresheners.add(ask);
    if (this.line.peek().state === "open") ask();
    return () => void this.#fresheners.delete(ask);
  }

  /** Whether the gateway would let us: for showing and hiding, never for safety. */
  may(scope: Scope): boolean {
    const scopes = this.hello.value?.auth.scopes ?? [];
    return scopes.includes(scope) || scopes.includes("operator.admin");
  }

  get mainSession(): string {
    return this.hello.value?.snapshot.sessionDefaults?.mainSessionKey ?? "agent:main:main";
  }

  #opened(hello: HelloOk, auth: ConnectAuth): void {
    const { scopes, deviceToken } = hello.auth;
    if (!scopes.includes("operator.admin") && !scopes.includes("operator.write")) {
      this.#connection?.close();
      this.#refused(new RequestError({ code: "FORBIDDEN", message: words().noRights }), auth);
      return;
    }
    credential.keep(auth, deviceToken);
    this.hello.value = hello;
    this.line.value = { state: "open" };
    this.#freshen();
  }

  #refused(error: RequestError, auth: ConnectAuth): void {
    credential.forget();
    this.hello.value = null;
    this.line.value = { state: "refused", error };
    if (error.details.code === "PAIRING_REQUIRED") this.#pairing = setTimeout(() => this.login(auth), PAIRING_RETRY_MS);
  }

  #event(name: EventName, payload: unknown): void {
    if (name === "shutdown") this.line.value = { state: "restarting" };
    for (const listener of this.#listeners.get(name) ?? []) listener(payload as never);
  }

  #freshen(): void {
    for (const ask of [...this.#fresheners]) ask();
  }
}

export const gateway = new Gateway();

addEventListener("online", () => gateway.hurry());
document.addEventListener("visibilitychange", () => document.hidden || gateway.hurry());
