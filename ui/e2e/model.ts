// A model that answers as a test tells it to, over the wire of OpenAI's chat completions. A stream can be held open, so that a test
// acts in its middle without waiting for a clock.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the person said last, and how many results of tools came after it. */
export interface Asked {
  readonly words: string;
  readonly results: number;
}

/** One step of an answer. */
export type Step =
  | { readonly text: string }
  | { readonly thinking: string }
  | { readonly tool: string; readonly input: unknown }
  /** Goes on when the test calls `release()`. */
  | { readonly hold: true };

type Respond = (asked: Asked) => readonly Step[];

export class FakeModel {
  #server: Server | null = null;
  #respond: Respond = ({ words }) => [{ text: `You said: ${words}` }];
  #held: (() => void)[] = [];
  #calls = 0;

  get url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo).port}/v1`;
  }

  /** How many streams wait. */
  get holding(): number {
    return this.#held.length;
  }

  listen(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    this.#server = server;
    return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  }

  close(): Promise<void> {
    this.release();
    this.#server?.closeAllConnections();
    return new Promise((resolve) => this.#server?.close(() => resolve()));
  }

  /** Answers like this from now on. */
  answers(respond: Respond): void {
    this.#respond = respond;
  }

  /** Lets every stream that waits go on. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (!request.url?.endsWith("/chat/completions")) {
      response.end(JSON.stringify({ data: [] }));
      return;
    }
    const steps = this.#respond(asked(body));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta: object, finish: string | null = null, usage?: object) => {
      const choices = [{ index: 0, delta, finish_reason: finish }];
      response.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "big", choices, usage })}\n\n`);
    };
    send({ role: "assistant" });
    for (const step of steps) await this.#take(step, send);
    const usage = { prompt_tokens: 1_200, completion_tokens: 40, total_tokens: 1_240, prompt_tokens_details: { cached_tokens: 900 } };
    send({}, steps.some((step) => "tool" in step) ? "tool_calls" : "stop", usage);
    response.end("data: [DONE]\n\n");
  }

  async #take(step: Step, send: (delta: object) => void): Promise<void> {
    if ("text" in step) send({ content: step.text });
    if ("thinking" in step) send({ reasoning_content: step.thinking });
    if ("hold" in step) await new Promise<void>((go) => this.#held.push(go));
    if (!("tool" in step)) return;
    const call = { name: step.tool, arguments: JSON.stringify(step.input) };
    send({ tool_calls: [{ index: 0, id: `call_${this.#calls++}`, type: "function", function: call }] });
  }
}

interface Said {
  readonly role: string;
  readonly content: string | readonly { readonly text?: string }[] | null;
}

function asked(body: string): Asked {
  const { messages } = JSON.parse(body) as { messages: readonly Said[] };
  const last = messages.findLastIndex(({ role }) => role === "user");
  const content = messages[last]?.content ?? "";
  const words = typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
  return { words, results: messages.slice(last).filter(({ role }) => role === "tool").length };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
