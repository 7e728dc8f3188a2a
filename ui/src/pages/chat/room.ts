// The session that is open: what was said in it, and what the person does there. One room for the page; it stays when other pages are
// looked at, so that coming back shows it at once.

import { complain } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { RequestError } from "../../gateway/request-error.ts";
import type { Message } from "../../gateway/transcript.ts";
import type { QueueMode, SessionRow } from "../../protocol/types.ts";
import { Signal } from "../../state/signal.ts";
import type { Attached } from "./attachments.ts";
import { Conversation, type Unsent } from "./conversation.ts";
import { outbox, type Draft } from "./outbox.ts";
import { words } from "./words.ts";

/** Messages of one page of the history. */
const PAGE = 200;
const OPEN_KEPT = "chela.session";

class Room {
  readonly key = new Signal<string | null>(sessionStorage.getItem(OPEN_KEPT));
  readonly conversation = new Signal(new Conversation());
  /** What the gateway says of the session; null while it has none. */
  readonly info = new Signal<SessionRow | null>(null);
  readonly error = new Signal<Error | null>(null);
  readonly isLoading = new Signal(false);
  /** What stands beside the composer, for example that a message waits. */
  readonly note = new Signal("");
  /** A text that comes back to the composer: to be edited, or refused. */
  readonly returned = new Signal<string | null>(null);

  /** Shows another session. */
  open(key: string): void {
    if (this.key.peek() === key) return;
    const before = this.key.peek();
    if (before !== null) gateway.call("sessions.messages.unsubscribe", { key: before }).catch(() => {});
    this.key.value = key;
    sessionStorage.setItem(OPEN_KEPT, key);
    this.conversation.value = new Conversation();
    this.info.value = null;
    this.error.value = null;
    this.note.value = "";
    if (gateway.line.peek().state === "open") void this.#refresh();
  }

  /** Follows the gateway until what it returns is called. */
  follow(): () => void {
    const stops = [
      gateway.onFresh(() => void this.#refresh()),
      gateway.on("chat", (event) => {
        if (event.sessionKey !== this.key.peek()) return;
        this.conversation.peek().chat(event);
        if (event.state === "final") void this.#price();
      }),
      gateway.on("agent", (event) => event.sessionKey === this.key.peek() && this.conversation.peek().agent(event)),
      gateway.on("session.message", (event) => {
        if (event.sessionKey === this.key.peek()) this.conversation.peek().message(event.message as Message);
      }),
      gateway.on("sessions.changed", (event) => {
        if (event.sessionKey !== this.key.peek()) return;
        if (event.reason === "reset") void this.#refresh();
        else if (event.session) this.info.value = { ...this.info.peek(), ...(event.session as SessionRow) };
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async send(text: string, files: readonly Attached[], mode?: QueueMode): Promise<void> {
    const session = this.key.peek();
    if (session === null) return;
    const attachments = files.map(({ attachment }) => attachment);
    const draft: Draft = { key: randomId(), session, text, attachments, at: Date.now(), ...(mode && { mode }) };
    this.conversation.peek().send(shown(draft, files));
    await outbox.keep(draft).catch(() => {});
    await this.#deliver(draft);
  }

  stop(): void {
    const sessionKey = this.key.peek();
    if (sessionKey !== null) gateway.call("chat.abort", { sessionKey }).catch(complain);
  }

  /** Loads messages from before the first that is shown. */
  async older(): Promise<void> {
    const [sessionKey, shown] = [this.key.peek(), this.conversation.peek()];
    if (sessionKey === null || this.isLoading.peek()) return;
    this.isLoading.value = true;
    try {
      const history = await gateway.call("chat.history", { sessionKey, limit: PAGE, offset: shown.offset });
      if (shown === this.conversation.peek()) shown.prepend(history);
    } catch (error) {
      complain(error);
    } finally {
      this.isLoading.value = false;
    }
  }

  async #refresh(): Promise<void> {
    const key = this.key.peek();
    if (key === null) return;
    this.isLoading.value = true;
    try {
      await gateway.call("sessions.messages.subscribe", { key });
      await this.#read(key);
      this.error.value = null;
      for (const draft of await outbox.waiting()) await this.#deliver(draft);
    } catch (error) {
      const isOffline = error instanceof RequestError && error.code === "OFFLINE";
      if (!isOffline && key === this.key.peek()) this.error.value = error as Error;
    } finally {
      this.isLoading.value = false;
    }
  }

  async #read(sessionKey: string, again = false): Promise<void> {
    const shownNow = this.conversation.peek();
    const history = await gateway.call("chat.history", { sessionKey, limit: PAGE });
    const waiting = (await outbox.waiting()).filter(({ session }) => session === sessionKey);
    if (shownNow !== this.conversation.peek()) return;
    if (!shownNow.load(history, waiting.map((draft) => shown(draft)), again)) return this.#read(sessionKey, true);
    this.info.value = (history.sessionInfo as SessionRow | undefined) ?? null;
    void this.#price();
  }

  /** What turns cost is told beside them; nobody misses it when it can't be had. */
  async #price(): Promise<void> {
    const [key, shown] = [this.key.peek(), this.conversation.peek()];
    if (key === null) return;
    const usage = await gateway.call("sessions.usage.timeseries", { key }).catch(() => null);
    if (usage) shown.price(usage.points);
  }

  async #deliver(draft: Draft): Promise<void> {
    const { key, session, text, attachments, mode } = draft;
    const conversation = session === this.key.peek() ? this.conversation.peek() : new Conversation();
    try {
      const { status } = await gateway.call("chat.send", {
        sessionKey: session,
        message: text,
        idempotencyKey: key,
        deliver: false,
        ...(attachments.length > 0 && { attachments: [...attachments] }),
        ...(mode && { queueMode: mode }),
      });
      await this.#settle(draft);
      conversation.accepted(key, status !== "ok");
    } catch (error) {
      // Without an answer nobody knows whether it arrived: it stays, and the same key makes sending again harmless.
      if (error instanceof RequestError && error.isUncertain) {
        this.note.value = words().kept;
        return;
      }
      await this.#settle(draft);
      conversation.withdraw(key);
      this.returned.value = text;
      complain(error);
    }
  }

  async #settle({ key }: Draft): Promise<void> {
    await outbox.settle(key).catch(() => {});
    this.note.value = "";
  }
}

function shown({ key, text, attachments }: Draft, attached: readonly Attached[] = []): Unsent {
  const files = attachments.map(({ mimeType, fileName, sizeBytes }, index) => ({
    type: mimeType?.startsWith("image/") ? ("image" as const) : ("file" as const),
    ...(attached[index]?.preview && { preview: attached[index].preview }),
    ...(mimeType && { mimeType }),
    ...(fileName && { fileName }),
    ...(sizeBytes !== undefined && { bytes: sizeBytes }),
  }));
  return { key, text, files };
}

/** `crypto.randomUUID` exists in secure contexts only. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const room = new Room();
