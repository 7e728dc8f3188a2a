// The form: one section at a time, or what a search found. Each place of the schema gets its control.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { live } from "lit/directives/live.js";
import { ask } from "../../design/dialog.ts";
import { icon } from "../../design/icons.ts";
import { badge, empty, type Content } from "../../design/parts.ts";
import { Signal } from "../../state/signal.ts";
import { form, refused, set, stored, tree } from "./desk.ts";
import { below, isOfUse, placeOf, search, titleOf, type Option, type Place, type Schema } from "./schema.ts";
import { at, isBranch, isSame, pathText, type Path, type Tree } from "../../state/tree.ts";
import { words } from "./words.ts";

/** What stands in the place of a secret; sent back, it keeps what is stored. */
const REDACTED = "__OPENCLAW_REDACTED__";

const FOUND_MAX = 60;

/** Rows of a text box at most before it scrolls. */
const ROWS_MAX = 16;

/** Groups that are open, by their path. */
const open = new Signal<ReadonlySet<string>>(new Set());

/** Texts that are no JSON, by their path, until they are mended. */
const broken = new Signal<ReadonlyMap<string, string>>(new Map());

export function isBroken(): boolean {
  return broken.value.size > 0;
}

export function forgetBroken(): void {
  broken.value = new Map();
}

/** The sections that are worth a place in the list. */
export function sections(root: Schema): Place[] {
  const top = placeOf(root, root, [], tree());
  return below(root, top, tree()).filter((place) => place.path[0] !== "$schema" && isOfUse(place, at(tree(), place.path)));
}

/** One section. */
export function section(root: Schema, place: Place): TemplateResult {
  const { is } = place.control;
  const isGroup = is === "object" || is === "map" || is === "list";
  return html`<div class="config-fields body">${isGroup ? group(root, place) : setting(place)}</div>`;
}

/** What a search found, with where it stands. */
export function results(root: Schema, query: string): TemplateResult {
  const found = search(root, placeOf(root, root, [], tree()), tree(), query, FOUND_MAX);
  if (found.length === 0) return empty("search", words().nothing, words().nothingWhy);
  return html`<div class="config-fields body">
    <p class="faint small" role="status">${words().found(found.length, found.length >= FOUND_MAX)}</p>
    ${found.map((place) => setting(place, true))}
  </div>`;
}

function group(root: Schema, place: Place): Content {
  const value = at(tree(), place.path);
  const children = below(root, place, value).filter((child) => isOfUse(child, at(tree(), child.path)));
  const isGroup = ({ control: { is } }: Place) => is === "object" || is === "map" || is === "list";
  // Single values first: they are what most people look for.
  const ordered = place.control.is === "object" ? [...children.filter((child) => !isGroup(child)), ...children.filter(isGroup)] : children;
  return html`${ordered.map((child) => (isGroup(child) ? folded(root, child, place.control.is === "map") : setting(child)))} ${adder(place, value)}`;
}

/** A group that is opened when somebody wants to see it; until then nothing of it is drawn. One of a map has a name of its own. */
function folded(root: Schema, place: Place, isNamed: boolean): TemplateResult {
  const [name, value] = [pathText(place.path), at(tree(), place.path)];
  const isOpen = open.value.has(name);
  const turn = (event: Event) => {
    const next = new Set(open.peek());
    if ((event.currentTarget as HTMLDetailsElement).open) next.add(name);
    else next.delete(name);
    open.value = next;
  };
  const held = isBranch(value) ? Object.keys(value).length : Array.isArray(value) ? value.length : 0;
  const wrong = issues().some(({ path }) => path.startsWith(name));
  return html`<details class="config-group" ?open=${isOpen} @toggle=${turn}>
    <summary>
      ${icon("chevron")}<b>${isNamed ? String(place.path.at(-1)) : titleIn(place, value)}</b>
      ${wrong ? badge("bad", words().wrong) : held > 0 ? html`<span class="faint small">${words().set(held)}</span>` : nothing}
    </summary>
    ${isOpen
      ? html`<div class="config-fields">
          ${place.description ? html`<p class="help" lang="en">${prose(place.description)}</p>` : nothing} ${group(root, place)} ${remover(place, value)}
        </div>`
      : nothing}
  </details>`;
}

function titleIn({ path }: Place, value: Tree): string {
  const key = path.at(-1)!;
  if (typeof key === "string") return titleOf(key);
  const named = isBranch(value) ? (value.id ?? value.name ?? value.agentId) : undefined;
  return typeof named === "string" ? named : words().item(key + 1);
}

function adder({ control, path }: Place, value: Tree): Content {
  const reveal = (key: string | number) => (open.value = new Set(open.peek()).add(pathText([...path, key])));
  if (control.is === "list") {
    const length = Array.isArray(value) ? value.length : 0;
    const add = () => {
      set(path, [...(Array.isArray(value) ? (value as Tree[]) : []), {}]);
      reveal(length);
    };
    return html`<button class="button small config-add" type="button" @click=${add}>${icon("plus")}${words().add}</button>`;
  }
  if (control.is !== "map") return nothing;
  const add = async () => {
    const key = await ask({ title: words().addTitle, value: "", action: words().add, help: words().addHelp });
    if (!key || at(tree(), [...path, key]) !== undefined) return;
    set([...path, key], {});
    reveal(key);
  };
  return html`<button class="button small config-add" type="button" @click=${() => void add()}>${icon("plus")}${words().add}</button>`;
}

function remover({ path }: Place, value: Tree): Content {
  if (value === undefined) return nothing;
  return html`<button class="button small quiet danger config-add" type="button" @click=${() => set(path, undefined)}>${icon("trash")}${words().remove}</button>`;
}

/** One value: its name, its control, what it does, and what is wrong with it. */
function setting(place: Place, isAlone = false): TemplateResult {
  const { path, description, reload, control } = place;
  const [name, value] = [pathText(path), at(tree(), path)];
  const id = `set-${name}`;
  const wrong = broken.value.has(name) ? words().noJson : messagesAt(name).join(" ");
  const before = at(form.value?.base.parsed ?? stored.value?.parsed, path);
  const isChanged = !isSame(value, before);
  const chosen = control.is === "choice" ? control.options.find((option) => option.value === (value ?? place.default))?.description : undefined;
  // Each has its own elements: what is typed and not taken yet belongs to nothing else.
  return html`${keyed(name, html`<div class="field config-field ${isChanged ? "changed" : ""}">
    <div class="config-name">
      <label for=${id}>${titleOf(String(path.at(-1)))}</label>
      ${isAlone ? html`<code class="faint">${name}</code>` : nothing}
      ${isChanged ? html`<span class="badge warn">${words().changed}</span>` : nothing}
      ${reload === "restart" ? html`<span class="faint small">${words().atRestart}</span>` : nothing}
      ${value !== undefined ? html`<button class="button quiet small" type="button" aria-label=${words().resetOf(name)} @click=${() => clear(path)}>${words().reset}</button>` : nothing}
    </div>
    ${controlFor(place, id, value, wrong !== "")}
    ${description ? html`<p class="help" id="${id}-help" lang="en">${prose(description)}</p>` : nothing}
    ${chosen ? html`<p class="help" lang="en"><b>${String(value ?? place.default)}</b>: ${prose(chosen)}</p>` : nothing}
    ${wrong ? html`<p class="wrong" id="${id}-wrong" role="alert">${wrong}</p>` : nothing}
  </div>`)}`;
}

function controlFor(place: Place, id: string, value: Tree, isWrong: boolean): TemplateResult {
  const { control, path, description } = place;
  const usual = place.default === undefined || place.default === null ? "" : words().usually(shownDefault(place.default));
  const described = [description ? `${id}-help` : "", isWrong ? `${id}-wrong` : ""].filter(Boolean).join(" ") || nothing;
  const invalid = isWrong ? "true" : nothing;
  const input = (event: Event) => (event.currentTarget as HTMLInputElement).value;
  switch (control.is) {
    case "switch":
      return choice(place, id, value, [{ value: true }, { value: false }], described);
    case "choice":
      return choice(place, id, value, control.options, described);
    case "number":
      return html`<input id=${id} class="config-number" type="number" min=${control.minimum ?? nothing} max=${control.maximum ?? nothing} step=${control.step} placeholder=${usual} aria-describedby=${described} aria-invalid=${invalid}
        .value=${value === undefined ? "" : String(value)} @change=${(event: Event) => set(path, input(event) === "" ? undefined : Number(input(event)))} />`;
    case "secret":
      return secret(place, id, value, described);
    case "texts":
      return html`<textarea id=${id} rows=${rows(listed(value))} spellcheck="false" placeholder=${usual || words().aLine} aria-describedby=${described} aria-invalid=${invalid}
        .value=${listed(value)} @change=${(event: Event) => set(path, unlisted(input(event)))}></textarea>`;
    case "text":
      return html`<input id=${id} type="text" autocomplete="off" spellcheck="false" placeholder=${usual} aria-describedby=${described} aria-invalid=${invalid}
        .value=${live(typeof value === "string" ? value : "")} @input=${(event: Event) => set(path, input(event) === "" ? undefined : input(event))} />`;
    default:
      return json(place, id, value, described, invalid);
  }
}

function choice({ path, default: usual }: Place, id: string, value: Tree, options: readonly Option[], described: string | typeof nothing): TemplateResult {
  const pick = (event: Event) => {
    const index = (event.currentTarget as HTMLSelectElement).selectedIndex;
    set(path, options[index - 1]?.value);
  };
  const word = (one: Tree) => (one === true ? words().on : one === false ? words().off : String(one));
  const unset = usual === undefined || usual === null ? words().unset : words().usually(word(usual));
  return html`<select id=${id} class="config-choice" aria-describedby=${described} @change=${pick}>
    <option .selected=${live(value === undefined)}>${unset}</option>
    ${options.map((option) => html`<option .selected=${live(option.value === value)}>${word(option.value)}</option>`)}
  </select>`;
}

/** What is stored is never shown; a new text takes its place. */
function secret({ path }: Place, id: string, value: Tree, described: string | typeof nothing): TemplateResult {
  const isStored = value === REDACTED;
  const before = at(form.value?.base.parsed ?? stored.value?.parsed, path);
  const type = (event: Event) => {
    const typed = (event.currentTarget as HTMLInputElement).value;
    set(path, typed === "" ? before : typed);
  };
  if (isBranch(value)) return html`<p><code>${JSON.stringify(value)}</code></p>`;
  return html`<input id=${id} type="password" autocomplete="new-password" spellcheck="false" placeholder=${isStored ? words().secretSet : words().secretUnset} aria-describedby=${described}
    .value=${live(isStored || typeof value !== "string" ? "" : value)} @input=${type} />`;
}

function json({ path, default: usual }: Place, id: string, value: Tree, described: string | typeof nothing, invalid: string | typeof nothing): TemplateResult {
  const name = pathText(path);
  const shown = broken.value.get(name) ?? (value === undefined ? "" : JSON.stringify(value, null, 2));
  const type = (event: Event) => {
    const typed = (event.currentTarget as HTMLTextAreaElement).value;
    const others = new Map(broken.peek());
    others.delete(name);
    try {
      set(path, typed.trim() === "" ? undefined : (JSON.parse(typed) as Tree));
    } catch {
      others.set(name, typed);
    }
    broken.value = others;
  };
  return html`<textarea id=${id} class="code" rows=${rows(shown)} spellcheck="false" placeholder=${usual === undefined || usual === null ? words().anyJson : JSON.stringify(usual)} aria-describedby=${described} aria-invalid=${invalid}
    .value=${shown} @change=${type}></textarea>`;
}

function clear(path: Path): void {
  const others = new Map(broken.peek());
  others.delete(pathText(path));
  broken.value = others;
  set(path, undefined);
}

function listed(value: Tree): string {
  return Array.isArray(value) ? value.map(String).join("\n") : "";
}

function unlisted(text: string): string[] | undefined {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.length > 0 ? lines : undefined;
}

function rows(text: string): number {
  return Math.min(ROWS_MAX, Math.max(2, text.split("\n").length));
}

function shownDefault(value: Tree): string {
  if (Array.isArray(value)) return value.length === 0 ? words().nothingSet : value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : value === "" ? words().nothingSet : String(value);
}

/** What is wrong by now: with what was sent, or else with what is stored. */
export function issues(): readonly { readonly path: string; readonly message: string }[] {
  return refused.value.length > 0 ? refused.value : (stored.value?.issues ?? []);
}

function messagesAt(name: string): string[] {
  return issues().filter(({ path }) => path === name).map(({ message }) => message);
}

/** Words of the schema, with code in backticks. */
export function prose(text: string): Content {
  return html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
