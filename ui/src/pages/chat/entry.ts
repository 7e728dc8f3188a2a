// One entry of the conversation. Its content is made when it comes near the window, so that a session of thousands costs little.

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../../design/copy.ts";
import { icon } from "../../design/icons.ts";
import { bytes, cost, count, moment, percent, short, time } from "../../i18n/format.ts";
import { codeBlock, Prose, visible } from "../../markdown/render.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import type { Part } from "../../gateway/transcript.ts";
import type { Entry, Facts, ToolUse } from "./conversation.ts";
import { room } from "./room.ts";
import { words } from "./words.ts";

/** More is shown on request only: laying out a line of a million characters stops a browser for seconds. */
const SHOWN_MAX = 60_000;
const TOOL_MAX = 20_000;
const CAN_SKIP = "oncontentvisibilityautostatechange" in document.documentElement;

export class EntryView extends View {
  static override properties = { entry: { attribute: false } };
  declare entry: Entry;
  #isNear = new Signal(!CAN_SKIP);
  #isWhole = new Signal(false);
  #prose: Prose | null = null;

  protected override entered(): (() => void)[] {
    const turned = (event: Event) => {
      if (!(event as ContentVisibilityAutoStateChangeEvent).skipped) this.#isNear.value = true;
    };
    this.addEventListener("contentvisibilityautostatechange", turned);
    return [() => this.removeEventListener("contentvisibilityautostatechange", turned)];
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.#isNear.value) return nothing;
    const facts = this.entry.facts.value;
    switch (this.entry.kind) {
      case "user":
        return this.#user(facts);
      case "answer":
        return html`${this.#written(facts)} ${this.#foot(facts)}`;
      case "thinking":
        return this.#thinking(facts);
      case "tool":
        return html`${tool(facts.tool!)} ${this.#foot(facts)}`;
      case "note":
        return html`<p class="faint small">${facts.note === "summarised" ? words().summarised : words().stopped}</p>`;
      case "failed":
        return html`<p role="alert">${icon("alert")}<span>${facts.text || words().failed}</span></p>`;
      case "waiting":
        return html`<p class="faint small breathing">${facts.note === "queued" ? words().queued : words().working}</p>`;
    }
  }

  #user(facts: Facts): TemplateResult {
    const edit = () => (room.returned.value = facts.text);
    const retry = () => void room.send(facts.text, []);
    return html`<div class="bubble ${facts.isPending ? "pending" : ""}" dir="auto">
        ${facts.sender ? html`<b class="small">${facts.sender}</b>` : nothing}
        <span>${visible(this.#cut(facts.text))}</span>${this.#rest(facts.text)}
        ${facts.files?.length ? html`<ul class="files">${facts.files.map(file)}</ul>` : nothing}
      </div>
      <div class="foot small faint">
        ${act("copy", words().copy, () => void copy(facts.text))} ${act("edit", words().edit, edit)} ${act("refresh", words().retry, retry)}
        ${facts.isPending ? html`<span>${words().sending}</span>` : when(facts.at)}
      </div>`;
  }

  #thinking(facts: Facts): TemplateResult {
    return html`<details ?open=${facts.isOpen}>
      <summary class="small faint ${facts.isOpen ? "breathing" : ""}">${icon("brain")}${facts.isOpen ? words().thinking : words().thought}</summary>
      ${this.#written(facts)}
    </details>`;
  }

  /** Markdown, of which only what is new is made. */
  #written(facts: Facts): TemplateResult {
    this.#prose ??= new Prose(document.createElement("div"));
    this.#prose.show(this.#cut(facts.text));
    return html`${this.#prose.node} ${this.#rest(facts.text)}`;
  }

  #foot({ usage, model, cost: usd, at, text, isOpen }: Facts): TemplateResult | typeof nothing {
    if (isOpen || !usage) return nothing;
    const used = usage.totalTokens > 0 ? usage : null;
    const cached = used && used.cacheRead > 0 ? words().cached(percent(used.cacheRead / (used.input + used.cacheRead + used.cacheWrite))) : "";
    const all = used ? [words().tokens(short(used.input + used.cacheRead + used.cacheWrite), short(used.output)), cached] : [];
    return html`<div class="foot small faint">
      ${when(at)}<span>${[...all, usd ? cost(usd) : "", model ?? ""].filter(Boolean).join(" · ")}</span>
      ${text ? act("copy", words().copy, () => void copy(text)) : nothing}
    </div>`;
  }

  #cut(text: string): string {
    return this.#isWhole.value ? text : text.slice(0, SHOWN_MAX);
  }

  #rest(text: string): TemplateResult | typeof nothing {
    if (this.#isWhole.value || text.length <= SHOWN_MAX) return nothing;
    return html`<button class="button small" type="button" @click=${() => (this.#isWhole.value = true)}>${words().rest(count(text.length - SHOWN_MAX))}</button>`;
  }
}

function tool({ name, state, hint, input, output, details }: ToolUse): TemplateResult {
  const shownInput = input === undefined ? "" : JSON.stringify(input, null, 2);
  const isLive = state === "running" && output !== "";
  return html`<details class="tool-card ${state}" ?open=${isLive}>
    <summary>
      <span class="state">${icon(state === "failed" ? "alert" : state === "done" ? "check" : "tool")}<span class="unseen">${words().tool[state]}</span></span>
      <b>${name}</b><code>${visible(hint)}</code>
    </summary>
    ${shownInput ? codeBlock(shownInput, "json") : nothing}
    ${details.diff ? codeBlock(details.diff, "diff") : nothing}
    ${output ? codeBlock(output.slice(0, TOOL_MAX), words().output) : nothing}
  </details>`;
}

function file({ type, ...part }: Part): TemplateResult {
  const { fileName, preview, bytes: size } = part as Extract<Part, { type: "file" | "image" }>;
  if (preview) return html`<li class="picture"><img src=${preview} alt=${fileName ?? words().file} /></li>`;
  return html`<li>${icon("file")}<span>${fileName ?? words().file}</span><span class="faint">${size ? bytes(size) : ""}</span></li>`;
}

function act(sign: Parameters<typeof icon>[0], label: string, run: () => void): TemplateResult {
  return html`<button class="button quiet icon small act" type="button" aria-label=${label} title=${label} @click=${run}>${icon(sign)}</button>`;
}

function when(at: number | undefined): TemplateResult | typeof nothing {
  return at ? html`<time datetime=${new Date(at).toISOString()} title=${moment(at)}>${time(at)}</time>` : nothing;
}

customElements.define("chat-entry", EntryView);
