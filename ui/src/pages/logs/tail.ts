// The log as it grows. There is no event for its lines, so the gateway is asked from where its last answer ended.

import { gateway } from "../../gateway/gateway.ts";
import { Signal } from "../../state/signal.ts";
import { joined, KEPT_MAX, type Entry } from "./lines.ts";

const ASK_AGAIN_MS = 1_500;

/** Lines of the first answer. */
const FIRST_LINES = 1_000;

export interface Tail {
  readonly file: string;
  readonly entries: readonly Entry[];
  readonly error: Error | null;
  readonly isLoading: boolean;
}

const NOTHING: Tail = { file: "", entries: [], error: null, isLoading: true };

export const tail = new Signal<Tail>(NOTHING);
export const isPaused = new Signal(false);

let cursor: number | undefined;
let isAsking = false;

/** Asks until what it returns is called. */
export function follow(): () => void {
  const stop = gateway.onFresh(() => void ask());
  const timer = setInterval(() => document.hidden || isPaused.peek() || void ask(), ASK_AGAIN_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

export async function ask(): Promise<void> {
  if (isAsking) return;
  isAsking = true;
  try {
    const isFirst = cursor === undefined;
    const answer = await gateway.call("logs.tail", { limit: isFirst ? FIRST_LINES : KEPT_MAX, maxBytes: 1_000_000, ...(isFirst ? {} : { cursor: cursor! }) });
    const before = tail.peek();
    // A new day has a new file, of which this answer may lack the beginning.
    const isOther = !isFirst && answer.file !== before.file;
    cursor = isOther ? 0 : answer.cursor;
    const entries = isOther ? before.entries : answer.lines.length > 0 ? joined(before.entries, answer.lines) : before.entries;
    tail.value = { file: answer.file, entries, error: null, isLoading: false };
  } catch (error) {
    tail.value = { ...tail.peek(), error: error as Error, isLoading: false };
  } finally {
    isAsking = false;
  }
}

/** Lets go of what was read; what comes from now on is shown. */
export function clear(): void {
  tail.value = { ...tail.peek(), entries: [] };
}
