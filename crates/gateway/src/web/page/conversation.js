// One session's conversation as a list of entries, made from its history, from events and from messages on their way.
// Pure: it knows nothing of the page or the connection.

import { words } from "/words.js";

const ENDED_MAX = 200;
const HINTS = ["command", "path", "url", "query", "pattern", "file", "name"];
const HINT_MAX = 120;

/**
 * `entries` in their order, each `{id, version, kind, text}`; `version` grows with each change. Kinds: `user` (with
 * `pending` until the gateway has it), `answer`, `tool` (`name`, `hint`, `input`, `output`, `state`), `note`, `failed`,
 * and `waiting` while nothing of an answer is there yet.
 */
export class Conversation {
  entries = [];
  // Run id → { id, parts: its entries, text: all of its text so far, before: how much of it stands in finished parts }.
  #runs = new Map();
  #ended = new Set();
  #count = 0;

  get busy() {
    return this.#runs.size > 0;
  }

  /** Starts over from `chat.history`. False if a run in it has ended meanwhile: then it has to be read `again`. */
  load({ messages, hasMore, sessionInfo }, outbox, again = false) {
    const active = sessionInfo?.activeRunIds ?? [];
    if (!again && active.some((run) => this.#ended.has(run))) return false;
    // Ended for us and still going on: a gateway that was killed in between does it once more.
    for (const run of active) this.#ended.delete(run);
    this.entries = [];
    this.#runs.clear();
    if (hasMore) this.#add("note", words.older);
    for (const message of messages) {
      const run = message.__openclaw?.runId;
      const from = this.entries.length;
      this.#read(message, active.includes(run) ? this.#run(run) : null);
      for (const entry of this.entries.slice(from)) entry.run = run;
    }
    for (const { key, text } of outbox) this.send(key, text);
    for (const run of active) this.#wait(this.#run(run));
    return true;
  }

  /** A message of this page, until the gateway has it. */
  send(key, text) {
    if (!this.#find(`${key}:user`)) this.#add("user", text, { id: `${key}:user`, pending: true });
  }

  /** The gateway has the message; `running` if its answer is on the way. */
  accepted(key, running) {
    this.#change(this.#find(`${key}:user`), { pending: false });
    if (running && !this.#ended.has(key)) this.#wait(this.#run(key));
  }

  /** The gateway won't have the message. */
  withdraw(key) {
    this.#remove(this.#find(`${key}:user`));
  }

  /** A stored message of anybody (`session.message`). Answers come through the events of their run. */
  message({ role, content, idempotencyKey: id }) {
    if (role !== "user" || !id) return;
    const known = this.#find(id);
    if (known) return this.#change(known, { pending: false });
    const run = this.#runs.get(id.replace(/:user$/, ""));
    const entry = this.#add("user", textOf(content), { id });
    if (run?.parts.length) this.#move(entry, this.entries.indexOf(run.parts[0]));
  }

  /** An event `chat`. */
  chat({ runId, state, message, errorMessage }) {
    const text = textOf(message?.content);
    if (state === "delta") this.#write(runId, text);
    else this.#end(runId, state, text, errorMessage);
  }

  /** An event `agent` of the stream `tool`. */
  tool({ runId, data }) {
    if (this.#ended.has(runId)) return;
    const run = this.#run(runId);
    const id = `tool:${data.toolCallId}`;
    if (!this.#find(id)) this.#tool(run, id, data.name, data.args);
    if (data.phase !== "result") return;
    this.#change(this.#find(id), { state: data.isError ? "failed" : "done", output: textOf(data.result?.content) });
    this.#wait(run);
  }

  #read(message, run) {
    const { role, content, stopReason, errorMessage, toolCallId, isError, idempotencyKey } = message;
    if (role === "user") this.#add("user", textOf(content), idempotencyKey && { id: idempotencyKey });
    else if (role === "toolResult") {
      const state = isError ? "failed" : "done";
      this.#change(this.#find(`tool:${toolCallId}`), { state, output: textOf(content) });
    } else if (role === "compactionSummary") this.#add("note", words.summarised);
    else if (errorMessage) this.#add("failed", errorMessage);
    else {
      for (const part of parts(content)) {
        if (part.type === "toolCall") this.#tool(run, `tool:${part.id}`, part.name, part.arguments, "stopped");
        else if (part.type === "text" && part.text) this.#part(run, "answer", part.text);
      }
      if (run) run.text = run.before = joined(run);
      if (stopReason === "aborted") this.#add("note", words.stopped);
    }
  }

  // `text` is all that the run said so far, in every model call. After a restart of the gateway a run begins anew: then
  // what it said before the restart stands in the history alone.
  #write(runId, text) {
    if (this.#ended.has(runId)) return;
    const run = this.#run(runId);
    run.text = text;
    const rest = (text.startsWith(run.before) ? text.slice(run.before.length) : text).replace(/^\n+/, "");
    if (!rest) return;
    this.#stopWaiting(run);
    const last = run.parts.at(-1);
    if (last?.kind === "answer" && last.open) this.#change(last, { text: rest });
    else this.#part(run, "answer", rest, { open: true });
  }

  #end(runId, state, text, errorMessage) {
    if (this.#ended.has(runId)) return;
    const run = this.#run(runId);
    // A history that was read just before the end was told has the answer already.
    const known = this.entries.some((entry) => entry.run === runId && entry.text && text.endsWith(entry.text));
    if (text && !known && !run.text.endsWith(text)) this.#write(runId, text);
    this.#stopWaiting(run);
    for (const part of run.parts) {
      if (part.state === "running") this.#change(part, { state: "stopped" });
    }
    if (state === "aborted") this.#part(run, "note", words.stopped);
    if (state === "error") this.#part(run, "failed", errorMessage || words.failed);
    this.#runs.delete(runId);
    this.#ended.add(runId);
    if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.values().next().value);
  }

  #tool(run, id, name, input, state = "running") {
    if (run) {
      run.before = run.text;
      this.#stopWaiting(run);
    }
    const shown = input === undefined ? "" : JSON.stringify(input, null, 2);
    this.#part(run, "tool", "", { id, name, state, hint: hint(input), input: shown, output: "" });
  }

  #run(id) {
    if (!this.#runs.has(id)) this.#runs.set(id, { id, parts: [], text: "", before: "" });
    return this.#runs.get(id);
  }

  #wait(run) {
    if (run.parts.at(-1)?.kind !== "waiting") this.#part(run, "waiting", words.working);
  }

  #stopWaiting(run) {
    const last = run.parts.at(-1);
    if (last?.kind === "waiting") this.#remove(run.parts.pop());
  }

  // A new entry behind the others of its run, or behind the message that it answers: others may wait below.
  #part(run, kind, text, fields) {
    const entry = this.#add(kind, text, fields);
    if (!run) return;
    const last = run.parts.at(-1) ?? this.#find(`${run.id}:user`);
    if (last) this.#move(entry, this.entries.indexOf(last) + 1);
    run.parts.push(entry);
  }

  #add(kind, text, fields) {
    const entry = { id: `entry:${this.#count++}`, version: 0, kind, text, ...fields };
    this.entries.push(entry);
    return entry;
  }

  #move(entry, to) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.entries.splice(to, 0, entry);
  }

  #change(entry, fields) {
    if (entry) Object.assign(entry, fields, { version: entry.version + 1 });
  }

  #remove(entry) {
    if (entry) this.entries.splice(this.entries.indexOf(entry), 1);
  }

  #find(id) {
    return this.entries.find((entry) => entry.id === id);
  }
}

function parts(content) {
  return typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);
}

function textOf(content) {
  const texts = parts(content).filter(({ type }) => type === "text");
  return texts.map(({ text }) => text).join("\n");
}

// As the gateway joins what a run said in several model calls.
function joined(run) {
  const answers = run.parts.filter(({ kind }) => kind === "answer");
  return answers.map(({ text }) => text).join("\n\n");
}

// What tells one call of a tool from another at a glance.
function hint(input) {
  const name = HINTS.find((key) => typeof input?.[key] === "string");
  const line = (name ? input[name] : "").split("\n")[0];
  return line.length > HINT_MAX ? `${line.slice(0, HINT_MAX)}…` : line;
}
