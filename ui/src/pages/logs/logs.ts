// What the gateway writes into its log, as it does.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";
import { copy } from "../../design/copy.ts";
import { icon } from "../../design/icons.ts";
import { banner, empty, failed, skeleton, type Content } from "../../design/parts.ts";
import { count } from "../../i18n/format.ts";
import { language } from "../../i18n/language.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address } from "../../shell/router.ts";
import { Computed, Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { filtered, LEVELS, subsystemsOf, textOf, type Entry, type Filter, type Level } from "./lines.ts";
import "./logs.css";
import { ask, clear, follow, isPaused, tail } from "./tail.ts";
import { words } from "./words.ts";

/** Rows that are in the page at once, and by how many a press shows more. */
const ROWS = 400;

/** This near to its end, the list stays at it. */
const NEAR_PX = 40;

const filter = new Signal<Filter>({ level: "trace", subsystem: "", words: "" });
const rows = new Signal(ROWS);
const matching = new Computed(() => filtered(tail.value.entries, filter.value));

class LogsPage extends View {
  #isAtEnd = true;
  #top = 0;

  protected override entered(): (() => void)[] {
    this.#isAtEnd = true;
    return [follow()];
  }

  protected override render(): TemplateResult {
    return html`<div class="page logs">
      ${pageHeader({ title: words().title, lead: words().lead, actions: actions() })}
      ${filters()} ${tail.value.error && tail.value.entries.length > 0 ? banner("warn", tail.value.error.message) : nothing}
      <section class="card logs-card">${this.#body()}</section>
    </div>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.#stayAtEnd();
  }

  #stayAtEnd(): void {
    const box = this.querySelector(".logs-lines");
    if (box && this.#isAtEnd) box.scrollTop = box.scrollHeight;
  }

  #noteScroll = (event: Event) => {
    const { scrollHeight, scrollTop, clientHeight } = event.currentTarget as HTMLElement;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    // Only a person scrolls up; what grows leaves the place where it was.
    if (isNear || scrollTop < this.#top) this.#isAtEnd = isNear;
    this.#top = scrollTop;
  };

  #body(): Content {
    const { entries, error, isLoading, file } = tail.value;
    if (entries.length === 0 && error) return failed(error, () => void ask());
    if (entries.length === 0 && isLoading) return skeleton(8);
    const found = matching.value;
    if (found.length === 0) return entries.length === 0 ? empty("logs", words().none, words().noneWhy) : empty("search", words().noMatch, words().noMatchWhy);
    const shown = found.slice(-rows.value);
    return html`<div class="logs-lines" role="region" aria-label=${words().title} tabindex="0" @scroll=${this.#noteScroll}>
        ${shown.length < found.length ? html`<button class="button small quiet" type="button" @click=${this.#showMore}>${icon("arrowUp")}${words().older(count(found.length - shown.length))}</button>` : nothing}
        ${repeat(shown, ({ id }) => id, row)}
      </div>
      <footer class="logs-foot faint small">
        <code>${file}</code><span role="status">${words().shown(count(found.length), count(entries.length))}</span>
      </footer>`;
  }

  /** More lines above, while those that are read stay where they are. */
  #showMore = async () => {
    const box = this.querySelector(".logs-lines")!;
    const fromEnd = box.scrollHeight - box.scrollTop;
    this.#isAtEnd = false;
    rows.value += ROWS;
    await this.updateComplete;
    box.scrollTop = box.scrollHeight - fromEnd;
    (box as HTMLElement).focus({ preventScroll: true });
  };
}

function row({ timeMs, level, subsystem, text }: Entry): TemplateResult {
  return html`<div class="logs-row ${level}">
    <time>${timeOf(timeMs)}</time><span class="level">${level}</span><span class="subsystem">${subsystem}</span><span class="text">${text}</span>
  </div>`;
}

function actions(): TemplateResult {
  const isStill = isPaused.value;
  const pause = () => {
    isPaused.value = !isStill;
    if (isStill) void ask();
  };
  return html`<button class="button" type="button" aria-pressed=${isStill} @click=${pause}>${icon(isStill ? "play" : "pause")}${isStill ? words().resume : words().pause}</button>
    <button class="button" type="button" @click=${() => void copy(textOf(matching.value))}>${icon("copy")}${words().copy}</button>
    <button class="button" type="button" @click=${download}>${icon("download")}${words().download}</button>
    <button class="button quiet" type="button" @click=${clear}>${words().clear}</button>`;
}

function filters(): TemplateResult {
  const { level, subsystem, words: typed } = filter.value;
  const change = (part: Partial<Filter>) => {
    filter.value = { ...filter.peek(), ...part };
    rows.value = ROWS;
  };
  const pickLevel = (event: Event) => change({ level: (event.currentTarget as HTMLSelectElement).value as Level });
  const pickSubsystem = (event: Event) => change({ subsystem: (event.currentTarget as HTMLSelectElement).value });
  const known = subsystemsOf(tail.value.entries);
  const subsystems = subsystem === "" || known.includes(subsystem) ? known : [...known, subsystem];
  return html`<form class="logs-filters" @submit=${(event: Event) => event.preventDefault()}>
    <div class="field grow">
      <label for="logs-words">${words().search}</label>
      <input id="logs-words" type="search" autocomplete="off" spellcheck="false" .value=${live(typed)} @input=${(event: Event) => change({ words: (event.currentTarget as HTMLInputElement).value })} />
    </div>
    <div class="field">
      <label for="logs-level">${words().level}</label>
      <select id="logs-level" @change=${pickLevel}>${LEVELS.map((one) => html`<option value=${one} .selected=${live(one === level)}>${words().levels[one]}</option>`)}</select>
    </div>
    <div class="field">
      <label for="logs-subsystem">${words().subsystem}</label>
      <select id="logs-subsystem" @change=${pickSubsystem}>
        <option value="" .selected=${live(subsystem === "")}>${words().everywhere}</option>
        ${subsystems.map((one) => html`<option value=${one} .selected=${live(one === subsystem)}>${one}</option>`)}
      </select>
    </div>
    <p class="help faint small">${words().more} <a href=${address("config", "logging")}>${words().moreLink}</a></p>
  </form>`;
}

function download(): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([textOf(matching.value)], { type: "text/plain" }));
  link.download = `chela-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

let clock: { readonly language: string; readonly format: Intl.DateTimeFormat } | null = null;

/** To the second, as logs are read. */
function timeOf(ms: number): string {
  if (Number.isNaN(ms)) return "";
  if (clock?.language !== language.value) {
    const options = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
    clock = { language: language.value, format: new Intl.DateTimeFormat(language.value, options) };
  }
  return clock.format.format(ms);
}

customElements.define("page-logs", LogsPage);
