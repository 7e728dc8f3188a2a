import { expect, test } from "vitest";
import type { Message } from "../../gateway/transcript.ts";
import type { AgentEvent, ChatEvent } from "../../protocol/types.ts";
import { Conversation, type History } from "./conversation.ts";

const KEY = "agent:main:main";

function begin(messages: readonly Message[] = [], active: readonly string[] = []): Conversation {
  const conversation = new Conversation();
  conversation.load(history(messages, active), []);
  return conversation;
}

function history(messages: readonly Message[], active: readonly string[] = []): History {
  return { messages: [...messages], hasMore: false, totalMessages: messages.length, sessionInfo: { activeRunIds: active } };
}

/** The entries in a word each. */
function told(conversation: Conversation): string[] {
  return conversation.entries.value.map(({ kind, facts: { value } }) => {
    const words = value.tool ? `${value.tool.name}/${value.tool.state}` : (value.note ?? value.text);
    return `${kind}:${words}${value.isPending ? "?" : ""}`;
  });
}

const said = (text: string): Message => ({ role: "assistant", content: [{ type: "text", text }] });
const chat = (runId: string, event: object) => ({ runId, sessionKey: KEY, seq: 1, ...event }) as ChatEvent;
const delta = (runId: string, text: string) => chat(runId, { state: "delta", deltaText: "", message: said(text) });
const final = (runId: string, text: string) => chat(runId, { state: "final", message: said(text), usage: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0, totalTokens: 3 } });
const step = (runId: string, data: object): AgentEvent => ({ runId, seq: 1, ts: 1, stream: "tool", data });
const asked: Message = { role: "user", content: "q", idempotencyKey: "r:user", __openclaw: { runId: "r", seq: 1 } };

test("a turn with a tool, and a message that waits behind it", () => {
  const conversation = begin();
  conversation.send({ key: "r1", text: "hi" });
  expect(told(conversation)).toEqual(["user:hi?"]);
  conversation.accepted("r1", true);
  expect([told(conversation), conversation.isBusy.value]).toEqual([["user:hi", "waiting:"], true]);
  conversation.chat(delta("r1", "Let me look."));
  conversation.agent(step("r1", { phase: "start", toolCallId: "a", name: "exec", args: { command: "ls\nx" } }));
  expect(conversation.entries.value.at(-1)?.facts.value.tool?.hint).toBe("ls");
  conversation.agent(step("r1", { phase: "update", toolCallId: "a", name: "exec", partialResult: "so far" }));
  expect(conversation.entries.value.at(-1)?.facts.value.tool?.output).toBe("so far");
  conversation.send({ key: "r2", text: "also" });
  conversation.accepted("r2", true);
  conversation.agent(step("r1", { phase: "result", toolCallId: "a", name: "exec", isError: false, result: { content: "out" } }));
  expect(told(conversation)).toEqual(["user:hi", "answer:Let me look.", "tool:exec/done", "waiting:", "user:also", "waiting:queued"]);
  conversation.chat(delta("r1", "Let me look.\n\nDone"));
  conversation.chat(final("r1", "Let me look.\n\nDone."));
  conversation.chat(final("r1", "Let me look.\n\nDone."));
  expect(told(conversation)).toEqual(["user:hi", "answer:Let me look.", "tool:exec/done", "answer:Done.", "user:also", "waiting:queued"]);
  expect(conversation.entries.value[3]?.facts.value.usage?.totalTokens).toBe(3);
  conversation.agent({ ...step("r2", { phase: "start" }), stream: "lifecycle" });
  expect(told(conversation).at(-1)).toBe("waiting:");
  conversation.chat(chat("r2", { state: "error", errorMessage: "boom" }));
  expect([told(conversation).at(-1), conversation.isBusy.value]).toEqual(["failed:boom", false]);
});

test("a delta changes its entry and not the list", () => {
  const conversation = begin([asked], ["r"]);
  conversation.chat(delta("r", "One"));
  const before = conversation.entries.value;
  conversation.chat(delta("r", "One two"));
  expect(conversation.entries.value).toBe(before);
  expect(told(conversation)).toEqual(["user:q", "answer:One two"]);
});

test("thinking stands before the answer and is folded when the answer begins", () => {
  const conversation = begin([asked], ["r"]);
  conversation.agent({ ...step("r", { text: "Hmm" }), stream: "thinking" });
  expect(conversation.entries.value.at(-1)?.facts.value.isOpen).toBe(true);
  conversation.chat(delta("r", "So"));
  expect(told(conversation)).toEqual(["user:q", "thinking:Hmm", "answer:So"]);
  expect(conversation.entries.value[1]?.facts.value.isOpen).toBe(false);
});

test("a history that is older than what was heard is read again", () => {
  const conversation = begin();
  conversation.chat(final("r", "Done."));
  expect(conversation.load(history([], ["r"]), [])).toBe(false);
  expect(conversation.load(history([], ["r"]), [], true)).toBe(true);
  expect(conversation.isBusy.value).toBe(true);
});

const working: Message[] = [
  asked,
  { role: "assistant", content: [{ type: "text", text: "One." }, { type: "toolCall", id: "t", name: "ls", arguments: {} }], __openclaw: { runId: "r", seq: 2 } },
  { role: "toolResult", toolCallId: "t", content: "x", __openclaw: { runId: "r", seq: 3 } },
];

test("a page that is loaded amid a turn shows nothing twice", () => {
  const conversation = begin(working, ["r"]);
  conversation.chat(delta("r", "One.\n\nTwo"));
  expect(told(conversation)).toEqual(["user:q", "answer:One.", "tool:ls/done", "answer:Two"]);
});

test("a gateway that was killed amid a turn begins its text anew", () => {
  const conversation = begin(working, ["r"]);
  conversation.chat(delta("r", "Two"));
  conversation.chat(final("r", "Two."));
  expect(told(conversation)).toEqual(["user:q", "answer:One.", "tool:ls/done", "answer:Two."]);
});

test("an end that the history knew already says nothing again", () => {
  const conversation = begin([asked, { ...said("All."), __openclaw: { runId: "r", seq: 2 } }]);
  conversation.chat(final("r", "All."));
  expect(told(conversation)).toEqual(["user:q", "answer:All."]);
});

test("what wasn't sent is there after a reload, once", () => {
  const conversation = new Conversation();
  conversation.load(history([asked]), [{ key: "r", text: "q" }, { key: "n", text: "new" }]);
  expect(told(conversation)).toEqual(["user:q", "user:new?"]);
  conversation.withdraw("n");
  expect(told(conversation)).toEqual(["user:q"]);
});

test("a tool that was stopped says so", () => {
  const conversation = begin();
  conversation.agent(step("a", { phase: "start", toolCallId: "1", name: "exec", args: {} }));
  conversation.chat(chat("a", { state: "aborted" }));
  expect(told(conversation)).toEqual(["tool:exec/stopped", "note:stopped"]);
});

test("what a turn cost stands at its end", () => {
  const answered = (run: string, at: number): Message => ({ ...said(run), timestamp: at, usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }, __openclaw: { runId: run } });
  const conversation = begin([asked, answered("r", 10_000), answered("r", 20_000), answered("s", 90_000)]);
  const point = (timestamp: number, cost: number) => ({ timestamp, cost, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0, cumulativeTokens: 0, cumulativeCost: 0 });
  conversation.price([point(10_000, 0.25), point(20_100, 0.5), point(89_000, 0.125), point(99_000, 1)]);
  expect(conversation.entries.value.map(({ facts }) => [facts.value.usage?.totalTokens, facts.value.cost])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [4, 0.75],
    [2, 0.125],
  ]);
});

test("older messages come before, and none twice", () => {
  const numbered = (seq: number): Message => ({ role: "user", content: `m${seq}`, idempotencyKey: `k${seq}:user`, __openclaw: { seq } });
  const conversation = new Conversation();
  conversation.load({ messages: [numbered(3), numbered(4)], hasMore: true, totalMessages: 4 }, []);
  expect(conversation.offset).toBe(2);
  conversation.prepend({ messages: [numbered(2), numbered(3)], hasMore: true, totalMessages: 5 });
  conversation.prepend({ messages: [numbered(1)], hasMore: false, totalMessages: 5 });
  expect([told(conversation), conversation.hasMore.value, conversation.offset]).toEqual([["user:m1", "user:m2", "user:m3", "user:m4"], false, 4]);
});
