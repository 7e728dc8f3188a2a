// Messages as they stand in a history and in events: the protocol leaves their form open, so it is written down here. Source: the
// gateway's `sessions/messages.rs` and `turn_events.rs`, which follow OpenClaw's transcripts.

/** What a message is made of. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string }
  | { readonly type: "toolCall"; readonly id: string; readonly name: string; readonly arguments?: unknown }
  | { readonly type: "image" | "file"; readonly mimeType?: string; readonly fileName?: string; readonly bytes?: number; /** Of a picture that this page sent: itself. */ readonly preview?: string };

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly totalTokens: number;
}

export interface Message {
  readonly role: "user" | "assistant" | "toolResult" | "compactionSummary";
  readonly content?: string | readonly Part[];
  readonly timestamp?: number;
  /** `<run>:user` of what a client sent. */
  readonly idempotencyKey?: string;
  readonly senderLabel?: string;
  readonly stopReason?: string;
  readonly errorMessage?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly usage?: Tokens;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly isError?: boolean;
  readonly details?: ToolDetails;
  readonly __openclaw?: { readonly id?: string; readonly seq?: number; readonly runId?: string };
}

/** What a tool says besides its text. */
export interface ToolDetails {
  readonly path?: string;
  /** Of a file that it changed, as `diff -u` writes it. */
  readonly diff?: string;
}

/** `data` of an event `agent` of the stream `tool`. */
export interface ToolStep {
  readonly phase: "start" | "update" | "result";
  readonly name: string;
  readonly toolCallId: string;
  readonly args?: unknown;
  readonly partialResult?: unknown;
  readonly isError?: boolean;
  readonly result?: { readonly content?: string | readonly Part[]; readonly details?: ToolDetails };
}

export function partsOf(content: string | readonly Part[] | undefined): readonly Part[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);
}

export function textOf(content: string | readonly Part[] | undefined): string {
  return partsOf(content)
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join("\n");
}
