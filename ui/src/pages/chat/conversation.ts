// One session's conversation as a list of entries, made from its history, from events and from messages on their way. Pure: it knows
// nothing of the page or the connection. A change of one entry is told to who shows that entry, and to nobody else.

import { partsOf, textOf, type Message, type Part, type Tokens, type ToolDetails, type ToolStep } from "../../gateway/transcript.ts";
import type { AgentEvent, ChatEvent, ChatHistoryResult, SessionRow, UsageTimePoint } from "../../protocol/types.ts";
import { Signal } from "../../state/signal.ts";

/** A call is booked a little after its answer was written down. */
const BOOKED_WITHIN_MS = 2_000;
/** Runs whose end is remembered, so that late events of them are known. */
const ENDED_MAX = 200;
const HINTS = ["command", "path", "url", "query", "pattern", "file", "name"];
const HINT_MAX = 120;

export type EntryKind = "user" | "answer" | "thinking" | "tool" | "note" | "failed" | "waiting";
/** Of a note: what it tells of. Of what waits: whether it waits for another turn. */
export type NoteKind = "stopped" | "summarised" | "queued";
export type ToolState = "running" | "done" | "failed" | "stopped";

export interface ToolUse {
  readonly name: string;
  readonly state: ToolState;
  /** What tells one call from another at a glance. */
  readonly hint: string;
  readonly input: unknown;
  readonly output: string;
  readonly details: ToolDetails;
}

/** What an entry says. Which fields there are follows from its kind. */
export interface Facts {
  readonly text: string;
  readonly at?: number;
  /** Of a message: the gateway doesn't have it yet. */
  readonly isPending?: boolean;
  /** Of an answer or thinking: more is coming. */
  readonly isOpen?: boolean;
  readonly files?: readonly Part[];
  readonly sender?: string;
  readonly tool?: ToolUse;
  readonly note?: NoteKind;
  /** Of the last entry of a turn. */
  readonly usage?: Tokens;
  readonly model?: string;
  /** US dollars. */
  readonly cost?: number;
}

export class Entry {
  readonly facts: Signal<Facts>;

  constructor(
    readonly id: string,
    readonly kind: EntryKind,
    facts: Facts,
    /** The run that it belongs to. */
    public run: string | undefined,
  ) {
    this.facts = new Signal(facts);
  }

  change(facts: Partial<Facts>): void {
    this.facts.value = { ...this.facts.peek(), ...facts };
  }
}

/** A message that the gateway doesn't have yet. */
export interface Unsent {
  readonly key: string;
  readonly text: string;
  readonly files?: readonly Part[];
}

/** What is read of a history. */
export type History = Pick<ChatHistoryResult, "messages" | "hasMore" | "totalMessages" | "sessionInfo">;

interface Run {
  readonly id: string;
  readonly parts: Entry[];
  /** All that it said so far, and how much of that stands in finished parts. */
  text: string;
  before: string;
}

export class Conversation {
  /** In their order; a new list when one comes or goes. */
  readonly entries = new Signal<readonly Entry[]>([]);
  readonly isBusy = new Signal(false);
  /** There are older messages than these. */
  readonly hasMore = new Signal(false);
  /** Items of the gateway's history that are shown or newer, as far as was known when it was read: what lies before begins there. */
  offset = 0;
  #oldest = 1;
  #list: Entry[] = [];
  #byId = new Map<string, Entry>();
  #runs = new Map<string, Run>();
  #ended = new Set<string>();
  #count = 0;

  /** Starts over from `chat.history`. False if a run in it has ended meanwhile: then it has to be read `again`. */
  load(history: History, unsent: readonly Unsent[], again = false): boolean {
    const active = (history.sessionInfo as SessionRow | undefined)?.activeRunIds ?? [];
    if (!again && active.some((run) => this.#ended.has(run))) return false;
    // Ended for us and still going on: a gateway that was killed in between does it once more.
    for (const run of active) this.#ended.delete(run);
    this.#list = [];
    this.#byId.clear();
    this.#runs.clear();
    for (const message of history.messages as Message[]) {
      const run = message.__openclaw?.runId;
      this.#read(message, run, run !== undefined && active.includes(run) ? this.#run(run) : null);
    }
    this.#oldest = seqOf(history.messages[0]);
    this.offset = history.totalMessages + 1 - this.#oldest;
    for (const one of unsent) this.#pend(one);
    for (const run of active) this.#wait(this.#run(run));
    this.hasMore.value = history.hasMore;
    this.#tell();
    return true;
  }

  /** Puts an older page of the history before everything. */
  prepend(history: History): void {
    const newer = this.#list;
    this.#list = [];
    // What came in meanwhile has moved the page, so that its end may be known.
    const older = (history.messages as Message[]).filter((message) => seqOf(message) < this.#oldest);
    for (const message of older) this.#read(message, message.__openclaw?.runId, null);
    this.#list = [...this.#list, ...newer];
    this.offset += this.#oldest - seqOf(older[0]);
    this.#oldest = seqOf(older[0]);
    this.hasMore.value = history.hasMore;
    this.#tell();
  }

  /** A message of this page, until the gateway has it. */
  send(message: Unsent): void {
    this.#pend(message);
    this.#tell();
  }

  /** The gateway has the message; `isRunning` if its answer is on the way. */
  accepted(key: string, isRunning: boolean): void {
    this.#find(`${key}:user`)?.change({ isPending: false });
    if (isRunning && !this.#ended.has(key)) {
      const isQueued = this.#runs.size > 0 && !this.#runs.has(key);
      this.#wait(this.#run(key), isQueued);
    }
    this.#tell();
  }

  /** The gateway won't have the message. */
  withdraw(key: string): void {
    this.#remove(this.#find(`${key}:user`));
    this.#tell();
  }

  /** A stored message of anybody (`session.message`). Answers come through the events of their run. */
  message({ role, content, idempotencyKey: id, timestamp: at, senderLabel: sender }: Message): void {
    if (role !== "user" || !id) return;
    const known = this.#find(id);
    if (known) return known.change({ isPending: false, ...(at !== undefined && { at }) });
    const runId = id.replace(/:user$/, "");
    const run = this.#runs.get(runId);
    const entry = this.#add("user", { text: textOf(content), files: filesOf(content), ...(at !== undefined && { at }), ...(sender && { sender }) }, { id, run: runId });
    if (run?.parts[0]) this.#move(entry, this.#list.indexOf(run.parts[0]));
    this.#tell();
  }

  /** An event `chat`. */
  chat(event: ChatEvent): void {
    if (event.state === "status") return;
    const message = event.message as Message | undefined;
    const text = textOf(message?.content);
    if (event.state === "delta") this.#write(event.runId, text);
    else this.#end(event, text, message?.timestamp);
    this.#tell();
  }

  /** An event `agent`: steps of tools, and thinking. */
  agent({ runId, stream, data }: AgentEvent): void {
    if (this.#ended.has(runId)) return;
    if (stream === "tool") this.#step(this.#run(runId), data as ToolStep);
    else if (stream === "thinking") this.#think(this.#run(runId), (data as { text: string }).text);
    else if (stream === "lifecycle" && (data as { phase: string }).phase === "start") this.#begin(this.#run(runId));
    else return;
    this.#tell();
  }

  /** What the calls to models cost, told to the turns that made them: each to the first that ended after it. */
  price(points: readonly UsageTimePoint[]): void {
    const turns = this.#list.filter(({ facts }) => facts.peek().usage);
    const costs = new Map<Entry, number>();
    for (const { timestamp, cost } of points) {
      const turn = turns.find(({ facts }) => (facts.peek().at ?? Infinity) + BOOKED_WITHIN_MS >= timestamp);
      if (turn && cost > 0) costs.set(turn, (costs.get(turn) ?? 0) + cost);
    }
    for (const [turn, cost] of costs) if (turn.facts.peek().cost !== cost) turn.change({ cost });
  }

  #read(message: Message, runId: string | undefined, run: Run | null): void {
    const { role, content, timestamp: at = 0 } = message;
    if (role === "user") {
      const { idempotencyKey: id, senderLabel: sender } = message;
      this.#add("user", { text: textOf(content), files: filesOf(content), at, ...(sender && { sender }) }, { id, run: runId });
    } else if (role === "toolResult") this.#result(message);
    else if (role === "compactionSummary") this.#add("note", { text: textOf(content), note: "summarised", at }, { run: runId });
    else if (message.errorMessage) this.#add("failed", { text: message.errorMessage, at }, { run: runId });
    else this.#readAnswer(message, runId, run);
  }

  #readAnswer({ content, timestamp: at = 0, stopReason, usage, model }: Message, runId: string | undefined, run: Run | null): void {
    let last: Entry | undefined;
    for (const part of partsOf(content)) {
      if (part.type === "toolCall") last = this.#tool(run, runId, part.id, part.name, part.arguments, "stopped");
      else if (part.type === "text" && part.text) last = this.#part(run, runId, "answer", { text: part.text, at });
      else if (part.type === "thinking" && part.thinking) last = this.#part(run, runId, "thinking", { text: part.thinking, at });
    }
    if (usage && last) last.change({ at, usage: this.#usedBefore(runId, usage), ...(model && { model }) });
    if (run) run.text = run.before = joined(run);
    if (stopReason === "aborted") this.#add("note", { text: "", note: "stopped", at }, { run: runId });
  }

  /** A turn of several calls to the model tells at its end what all of them used. */
  #usedBefore(runId: string | undefined, usage: Tokens): Tokens {
    const before = runId === undefined ? undefined : this.#list.findLast(({ run, facts }) => run === runId && facts.peek().usage);
    const used = before?.facts.peek().usage;
    if (!before || !used) return usage;
    const { usage: _, ...rest } = before.facts.peek();
    before.facts.value = rest;
    return {
      input: used.input + usage.input,
      output: used.output + usage.output,
      cacheRead: used.cacheRead + usage.cacheRead,
      cacheWrite: used.cacheWrite + usage.cacheWrite,
      totalTokens: used.totalTokens + usage.totalTokens,
    };
  }

  #result({ toolCallId, isError, content, details }: Message): void {
    const entry = this.#find(`tool:${toolCallId ?? ""}`);
    const tool = entry?.facts.peek().tool;
    if (tool) entry.change({ tool: { ...tool, state: isError ? "failed" : "done", output: textOf(content), details: details ?? {} } });
  }

  /**
   * `text` is all that the run said so far, in every model call. After a restart of the gateway a run begins anew: then what it said
   * before the restart stands in the history alone.
   */
  #write(runId: string, text: string): void {
    if (this.#ended.has(runId)) return;
    const run = this.#run(runId);
    run.text = text;
    const rest = (text.startsWith(run.before) ? text.slice(run.before.length) : text).replace(/^\n+/, "");
    if (!rest) return;
    this.#stopWaiting(run);
    this.#closeThinking(run);
    const last = run.parts.at(-1);
    if (last?.kind === "answer" && last.facts.peek().isOpen) last.change({ text: rest });
    else this.#part(run, runId, "answer", { text: rest, isOpen: true });
  }

  /** It waits no more. */
  #begin(run: Run): void {
    this.#stopWaiting(run);
    this.#wait(run);
  }

  #think(run: Run, text: string): void {
    if (!text) return;
    this.#stopWaiting(run);
    const last = run.parts.at(-1);
    if (last?.kind === "thinking" && last.facts.peek().isOpen) last.change({ text });
    else this.#part(run, run.id, "thinking", { text, isOpen: true });
  }

  #step(run: Run, step: ToolStep): void {
    const id = `tool:${step.toolCallId}`;
    const entry = this.#find(id) ?? this.#tool(run, run.id, step.toolCallId, step.name, step.args);
    const tool = entry.facts.peek().tool!;
    if (step.phase === "start") entry.change({ tool: { ...tool, state: "running" } });
    if (step.phase === "update") entry.change({ tool: { ...tool, output: partial(step.partialResult) } });
    if (step.phase !== "result") return;
    const state = step.isError ? "failed" : "done";
    entry.change({ tool: { ...tool, state, output: textOf(step.result?.content), details: step.result?.details ?? {} } });
    this.#wait(run);
  }

  #end(event: Exclude<ChatEvent, { state: "status" | "delta" }>, text: string, at: number | undefined): void {
    const { runId } = event;
    if (this.#ended.has(runId)) return;
    const run = this.#run(runId);
    // A history that was read just before the end was told has the answer already.
    const known = this.#list.some((entry) => entry.run === runId && entry.kind === "answer" && text.endsWith(entry.facts.peek().text));
    if (text && !known && !run.text.endsWith(text)) this.#write(runId, text);
    this.#stopWaiting(run);
    for (const part of run.parts) {
      const { tool, isOpen } = part.facts.peek();
      if (tool?.state === "running") part.change({ tool: { ...tool, state: "stopped" } });
      if (isOpen) part.change({ isOpen: false });
    }
    if (event.state === "final") run.parts.at(-1)?.change({ usage: event.usage as Tokens, at: at ?? Date.now() });
    if (event.state === "aborted") this.#part(run, runId, "note", { text: "", note: "stopped" });
    if (event.state === "error") this.#part(run, runId, "failed", { text: event.errorMessage ?? "" });
    this.#runs.delete(runId);
    this.#ended.add(runId);
    if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.values().next().value!);
  }

  #tool(run: Run | null, runId: string | undefined, callId: string, name: string, input: unknown, state: ToolState = "running"): Entry {
    if (run) {
      run.before = run.text;
      this.#stopWaiting(run);
      this.#closeThinking(run);
      const last = run.parts.at(-1);
      if (last?.kind === "answer") last.change({ isOpen: false });
    }
    const tool = { name, state, hint: hint(input), input, output: "", details: {} };
    return this.#part(run, runId, "tool", { text: "", tool }, `tool:${callId}`);
  }

  #run(id: string): Run {
    const known = this.#runs.get(id);
    if (known) return known;
    const run: Run = { id, parts: [], text: "", before: "" };
    this.#runs.set(id, run);
    return run;
  }

  #wait(run: Run, isQueued = false): void {
    if (run.parts.at(-1)?.kind !== "waiting") this.#part(run, run.id, "waiting", { text: "", ...(isQueued && { note: "queued" }) });
  }

  #stopWaiting(run: Run): void {
    if (run.parts.at(-1)?.kind === "waiting") this.#remove(run.parts.pop());
  }

  #closeThinking(run: Run): void {
    const last = run.parts.at(-1);
    if (last?.kind === "thinking") last.change({ isOpen: false });
  }

  /** A new entry behind the others of its run, or behind the message that it answers: others may wait below. */
  #part(run: Run | null, runId: string | undefined, kind: EntryKind, facts: Facts, id?: string): Entry {
    const entry = this.#add(kind, facts, { id, run: runId });
    if (!run) return entry;
    const last = run.parts.at(-1) ?? this.#find(`${run.id}:user`);
    if (last) this.#move(entry, this.#list.indexOf(last) + 1);
    run.parts.push(entry);
    return entry;
  }

  #pend({ key, text, files }: Unsent): void {
    if (!this.#find(`${key}:user`)) this.#add("user", { text, files: files ?? [], isPending: true, at: Date.now() }, { id: `${key}:user`, run: key });
  }

  #add(kind: EntryKind, facts: Facts, names: { id?: string | undefined; run: string | undefined }): Entry {
    const entry = new Entry(names.id ?? `entry:${this.#count++}`, kind, facts, names.run);
    this.#list.push(entry);
    this.#byId.set(entry.id, entry);
    return entry;
  }

  #move(entry: Entry, to: number): void {
    this.#list.splice(this.#list.indexOf(entry), 1);
    this.#list.splice(to, 0, entry);
  }

  #remove(entry: Entry | undefined): void {
    if (!entry) return;
    this.#list.splice(this.#list.indexOf(entry), 1);
    this.#byId.delete(entry.id);
  }

  #find(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  /** Tells of a list that is another one; entries tell of themselves. */
  #tell(): void {
    const shown = this.entries.peek();
    if (shown.length !== this.#list.length || shown.some((entry, index) => entry !== this.#list[index])) this.entries.value = [...this.#list];
    this.isBusy.value = this.#runs.size > 0;
  }
}

function seqOf(message: unknown): number {
  return (message as Message | undefined)?.__openclaw?.seq ?? 1;
}

function filesOf(content: Message["content"]): readonly Part[] {
  return partsOf(content).filter((part) => part.type === "image" || part.type === "file");
}

/** As the gateway joins what a run said in several model calls. */
function joined(run: Run): string {
  const answers = run.parts.filter(({ kind }) => kind === "answer");
  return answers.map(({ facts }) => facts.peek().text).join("\n\n");
}

function partial(result: unknown): string {
  if (typeof result === "string") return result;
  const content = (result as { content?: string | readonly Part[] } | undefined)?.content;
  return content === undefined ? JSON.stringify(result ?? "", null, 2) : textOf(content);
}

function hint(input: unknown): string {
  const fields = (typeof input === "object" ? input : null) as Record<string, unknown> | null;
  const name = HINTS.find((key) => typeof fields?.[key] === "string");
  const line = (name ? (fields![name] as string) : "").split("\n")[0]!;
  return line.length > HINT_MAX ? `${line.slice(0, HINT_MAX)}…` : line;
}
