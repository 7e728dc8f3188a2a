// The configuration: as a form made of its schema, or as the text of its file. What is changed is shown before it is saved.

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { icon } from "../../design/icons.ts";
import { banner, card, failed, skeleton, tabs, type Content } from "../../design/parts.ts";
import { complain, tell } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { ConfigGetResult, ConfigWriteResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go, place } from "../../shell/router.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import "./config.css";
import { changes, form, isOvertaken, rebaseForm, rebaseText, refused, saveForm, saveText, schema, stored, text, textNow, write } from "./desk.ts";
import { forgetBroken, isBroken, issues, prose, results, section, sections } from "./form.ts";
import { reviewChanges, reviewText } from "./review.ts";
import { titleOf, type Place, type Schema } from "./schema.ts";
import { words } from "./words.ts";

const view = new Signal<"form" | "text">("form");
const query = new Signal("");
const isSaving = new Signal(false);

class ConfigPage extends View {
  protected override entered(): (() => void)[] {
    const warn = (event: BeforeUnloadEvent) => (form.peek() || text.peek()) && event.preventDefault();
    addEventListener("beforeunload", warn);
    return [stored.follow(), schema.follow(), () => removeEventListener("beforeunload", warn)];
  }

  protected override render(): TemplateResult {
    return html`<div class="page config">
      ${pageHeader({ title: words().title, lead: words().lead })}
      ${tabs(words().title, [{ id: "form", title: words().form }, { id: "text", title: words().text }], view.value, (id) => (view.value = id as "form" | "text"))}
      ${body()}
    </div>`;
  }
}

function body(): Content {
  const [now, known] = [stored.value, schema.value];
  const error = stored.state.value.error ?? schema.state.value.error;
  if (!now || !known) return error ? failed(error, () => void Promise.all([stored.refresh(), schema.refresh()])) : skeleton(8);
  return html`${gateway.may("operator.admin") ? nothing : banner("warn", words().readOnly)} ${overtaken()} ${problems(now)}
    ${view.value === "form" ? formView(known) : textView(now)} ${saveBar(known)}`;
}

function draft() {
  return view.value === "form" ? form.value : text.value;
}

/** Somebody else was faster: theirs, or ours on top of theirs. */
function overtaken(): Content {
  if (!isOvertaken(draft())) return nothing;
  const mine = view.value === "form" ? { title: words().mineOnTop, run: rebaseForm } : { title: words().mineText, run: rebaseText };
  const actions = html`<span class="actions">
    <button class="button small" type="button" @click=${discard}>${words().theirs}</button>
    <button class="button small" type="button" @click=${mine.run}>${mine.title}</button>
  </span>`;
  return banner("warn", view.value === "form" ? words().overtaken : words().overtakenText, actions);
}

function problems({ warnings }: ConfigGetResult): Content {
  const wrong = issues();
  // The text is one place; the form has many.
  const where = (path: string) => (view.value === "form" ? html`<a href=${address("config", path.split(/[.[]/)[0])} @click=${() => (query.value = "")}><code>${path}</code></a>` : html`<code>${path}</code>`);
  const row = ({ path, message }: { path: string; message: string }) => html`<li>${path ? html`${where(path)} ` : nothing}<span lang="en">${message}</span></li>`;
  const list = (title: string, rows: readonly { path: string; message: string }[]) => html`<b>${title}</b><ul class="config-issues">${rows.map(row)}</ul>`;
  return html`${wrong.length > 0 ? bannerOf("bad", list(refused.value.length > 0 ? words().refused : words().invalid, wrong)) : nothing}
    ${warnings.length > 0 && wrong.length === 0 ? bannerOf("warn", list(words().warnings, warnings)) : nothing}`;
}

/** A banner that holds more than a line. */
function bannerOf(tone: "warn" | "bad", content: TemplateResult): TemplateResult {
  return html`<div class="banner ${tone}" role="alert">${icon("alert")}
    <div class="config-problems">${content}</div>
  </div>`;
}

function formView(root: Schema): TemplateResult {
  const all = sections(root);
  const wanted = place.value.rest.split(".")[0];
  const shown = all.find(({ path }) => path[0] === wanted) ?? all[0]!;
  const isSearch = query.value.trim() !== "";
  const type = (event: Event) => (query.value = (event.currentTarget as HTMLInputElement).value);
  return html`<div class="config-columns">
    <div class="config-side">
      <label class="unseen" for="config-search">${words().search}</label>
      <input id="config-search" type="search" placeholder=${words().search} autocomplete="off" .value=${live(query.value)} @input=${type} />
      ${sectionList(all, isSearch ? null : shown)}
    </div>
    ${isSearch ? card(words().results, results(root, query.value)) : card(titleOf(String(shown.path[0])), html`${aboutSection(shown)}${section(root, shown)}`)}
  </div>`;
}

function sectionList(all: readonly Place[], shown: Place | null): TemplateResult {
  const name = ({ path }: Place) => String(path[0]);
  const pick = (event: Event) => {
    query.value = "";
    go(address("config", (event.currentTarget as HTMLSelectElement).value));
  };
  const changed = new Set(changes.value.map(({ path }) => path[0]));
  return html`<select class="config-sections-small" aria-label=${words().sections} @change=${pick}>
      ${shown ? nothing : html`<option .selected=${live(true)}>${words().results}</option>`}
      ${all.map((one) => html`<option value=${name(one)} .selected=${live(one.path[0] === shown?.path[0])}>${titleOf(name(one))}</option>`)}
    </select>
    <nav class="config-sections" aria-label=${words().sections}>
      <ul>
        ${all.map(
          (one) => html`<li>
            <a href=${address("config", name(one))} aria-current=${one.path[0] === shown?.path[0] ? "true" : nothing} @click=${() => (query.value = "")}>
              ${titleOf(name(one))}${changed.has(one.path[0]!) ? html`<span class="config-dot" title=${words().changed}><span class="unseen">${words().changed}</span></span>` : nothing}
            </a>
          </li>`,
        )}
      </ul>
    </nav>`;
}

function aboutSection({ description }: Place): Content {
  return description ? html`<p class="config-about faint" lang="en">${prose(description)}</p>` : nothing;
}

function textView({ raw, path, exists }: ConfigGetResult): TemplateResult {
  if (raw === null || raw === undefined) return banner("warn", words().noText);
  const type = (event: Event) => write((event.currentTarget as HTMLTextAreaElement).value);
  return card(
    html`<code class="config-path">${path}</code>`,
    html`<div class="body config-text">
      <label class="unseen" for="config-text">${words().text}</label>
      <textarea id="config-text" class="code" rows="28" spellcheck="false" autocomplete="off" autocapitalize="off" wrap="off" aria-describedby="config-text-help" aria-invalid=${issues().length > 0 ? "true" : nothing}
        ?readonly=${!gateway.may("operator.admin")} .value=${live(textNow())} @input=${type}></textarea>
      <p id="config-text-help" class="help faint small">${exists ? words().textHelp : words().noFile}</p>
    </div>`,
  );
}

function saveBar(root: Schema): Content {
  const isForm = view.value === "form";
  if (!draft() && !(isForm && isBroken())) return nothing;
  const said = isForm ? words().unsaved(changes.value.length) : words().unsavedText;
  const isStuck = isSaving.value || isOvertaken(draft()) || !draft() || (isForm && isBroken()) || !gateway.may("operator.admin");
  return html`<div class="config-save" role="region" aria-label=${words().unsavedRegion}>
    <p role="status">${said}</p>
    <div class="actions">
      <button class="button" type="button" @click=${discard}>${words().discard}</button>
      <button class="button main" type="button" ?disabled=${isStuck} @click=${() => void save(root)}>${words().review}</button>
    </div>
  </div>`;
}

function discard(): void {
  if (view.value === "form") {
    form.value = null;
    forgetBroken();
  } else text.value = null;
  refused.value = [];
}

async function save(root: Schema): Promise<void> {
  const [isForm, values, written] = [view.peek() === "form", form.peek(), text.peek()];
  let send: () => Promise<ConfigWriteResult>;
  if (isForm && values) {
    if (!(await reviewChanges(root, changes.value))) return;
    send = () => saveForm(values);
  } else if (!isForm && written) {
    if (!(await reviewText(written.base.raw ?? "", written.value))) return;
    send = () => saveText(written);
  } else return;
  isSaving.value = true;
  try {
    const { requiresRestart } = await send();
    tell(requiresRestart.length > 0 ? words().savedRestart(requiresRestart.join(", ")) : words().saved);
  } catch (error) {
    // What the gateway found wrong stands at its place, and another file is a banner; the rest is told.
    if (refused.peek().length === 0 && !isOvertaken(isForm ? form.peek() : text.peek())) complain(error);
  } finally {
    isSaving.value = false;
  }
}

customElements.define("page-config", ConfigPage);
