// Something that the gateway knows and a page shows: asked for when the page opens, and again when an event says that it changed,
// when the connection comes back, or when events were missed.

import { gateway } from "../gateway/gateway.ts";
import type { EventName } from "../protocol/names.ts";
import { Signal } from "./signal.ts";

/** Several events in a row are one question. */
const SETTLE_MS = 150;

/** How far the asking has come. An old value stays while a new one is asked for, and when asking failed. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: Error | null;
  readonly isLoading: boolean;
}

export class Resource<T> {
  readonly state = new Signal<Loaded<T>>({ value: undefined, error: null, isLoading: true });
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `load` asks the gateway; the `events` say that its answer would be another one. */
  constructor(
    private readonly load: () => Promise<T>,
    private readonly events: readonly EventName[] = [],
  ) {}

  get value(): T | undefined {
    return this.state.value.value;
  }

  /** Keeps the value fresh until what it returns is called. For `View.entered`. */
  follow(): () => void {
    const soon = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.refresh(), SETTLE_MS);
    };
    const stops = this.events.map((event) => gateway.on(event, soon));
    stops.push(gateway.onFresh(() => void this.refresh()));
    return () => {
      clearTimeout(this.#timer);
      stops.forEach((stop) => stop());
    };
  }

  /** Asks again. Never rejects: what failed stands in `state`. */
  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    const before = this.state.peek();
    this.state.value = { ...before, isLoading: true };
    try {
      const value = await this.load();
      if (asked === this.#asked) this.state.value = { value, error: null, isLoading: false };
    } catch (error) {
      if (asked !== this.#asked) return;
      this.state.value = { value: before.value, error: error as Error, isLoading: false };
    }
  }

  /** Puts a value in place that is known already, for example from an event. */
  set(value: T): void {
    this.#asked += 1;
    this.state.value = { value, error: null, isLoading: false };
  }
}
