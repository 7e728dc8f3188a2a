// Templates of the parts that need more than a class: what is empty, failed or loading, tables, fields, badges. Looks: parts.css.

import { html, nothing, type TemplateResult } from "lit";
import type { Resource } from "../state/resource.ts";
import { icon, type IconName } from "./icons.ts";
import { words } from "./words.ts";

/** Anything that can stand in a template. */
export type Content = TemplateResult | string | number | typeof nothing;

/** What a resource holds: a skeleton until it is there, what to do when it can't be had, and the value, however old. */
export function shown<T>(resource: Resource<T>, show: (value: T) => Content): Content {
  const { value, error } = resource.state.value;
  if (value === undefined) return error ? failed(error, () => void resource.refresh()) : skeleton();
  return error ? html`${stale(error, () => void resource.refresh())}${show(value)}` : html`${show(value)}`;
}

/** Lines where words will be. */
export function skeleton(lines = 4): TemplateResult {
  return html`<div class="skeleton" role="status">
    <span class="unseen">${words().loading}</span>
    ${Array.from({ length: lines }, () => html`<i></i>`)}
  </div>`;
}

/** Nothing is here yet, why that is, and what to do about it. */
export function empty(sign: IconName, title: string, why: Content = nothing, action: Content = nothing): TemplateResult {
  return html`<div class="blank">${icon(sign)}
    <h2>${title}</h2>
    ${why === nothing ? nothing : html`<p>${why}</p>`} ${action}
  </div>`;
}

/** Something could not be had, in the gateway's words, with a way to ask again. */
export function failed(error: Error, retry: () => void): TemplateResult {
  const again = html`<button class="button" type="button" @click=${retry}>${icon("refresh")}${words().retry}</button>`;
  return html`<div role="alert">${empty("alert", words().failed, error.message, again)}</div>`;
}

function stale(error: Error, retry: () => void): TemplateResult {
  const again = html`<button class="button small" type="button" @click=${retry}>${words().retry}</button>`;
  return banner("warn", `${words().stale} ${error.message}`, again);
}

export type Tone = "good" | "warn" | "bad" | "calm";

/** A line across the page that wants to be read. */
export function banner(tone: "warn" | "bad", text: Content, action: Content = nothing): TemplateResult {
  return html`<div class="banner ${tone}" role="status">${icon("alert")}
    <p>${text}</p>
    ${action}
  </div>`;
}

/** How something stands, in a word. */
export function badge(tone: Tone, text: string): TemplateResult {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** A card with a heading. */
export function card(title: Content, body: Content, actions: Content = nothing): TemplateResult {
  return html`<section class="card">
    <header>
      <h2>${title}</h2>
      ${actions}
    </header>
    ${body}
  </section>`;
}

/** Names and values. Rows without a value are left out. */
export function facts(rows: readonly (readonly [name: string, value: Content | null | undefined])[]): TemplateResult {
  const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<dl class="facts body">
    ${known.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
  </dl>`;
}

export interface Column<T> {
  readonly title: string;
  readonly show: (row: T) => Content;
  /** `end` for numbers and buttons. */
  readonly side?: "end";
}

/** Rows that become blocks on small screens. */
export function table<T>(label: string, columns: readonly Column<T>[], rows: readonly T[]): TemplateResult {
  const side = (column: Column<T>) => column.side ?? "";
  return html`<table class="table" aria-label=${label}>
    <thead>
      <tr>${columns.map((column) => html`<th scope="col" class=${side(column)}>${column.title || html`<span class="unseen">·</span>`}</th>`)}</tr>
    </thead>
    <tbody>
      ${rows.map((row) => html`<tr>${columns.map((column) => html`<td class=${side(column)} data-label=${column.title}><div>${column.show(row)}</div></td>`)}</tr>`)}
    </tbody>
  </table>`;
}

/** What is asked for, with its label, help, and what is wrong with it. `control` takes the id. */
export interface Field {
  readonly id: string;
  readonly label: Content;
  readonly help?: Content;
  readonly wrong?: string | undefined;
}

export function field({ id, label, help, wrong }: Field, control: TemplateResult): TemplateResult {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control} ${help ? html`<p class="help" id="${id}-help">${help}</p>` : nothing}
    ${wrong ? html`<p class="wrong" id="${id}-wrong" role="alert">${wrong}</p>` : nothing}
  </div>`;
}

export interface Tab {
  readonly id: string;
  readonly title: string;
}

/** One of several views. Arrow keys go from one to the next. */
export function tabs(label: string, all: readonly Tab[], current: string, choose: (id: string) => void): TemplateResult {
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = all.at((all.findIndex(({ id }) => id === current) + step) % all.length);
    if (step === 0 || !next) return;
    event.preventDefault();
    const row = event.currentTarget as HTMLElement;
    choose(next.id);
    row.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} @keydown=${move}>
    ${all.map(
      ({ id, title }) => html`<button
        id="tab-${id}"
        type="button"
        role="tab"
        aria-selected=${id === current}
        tabindex=${id === current ? 0 : -1}
        @click=${() => choose(id)}
      >${title}</button>`,
    )}
  </div>`;
}
