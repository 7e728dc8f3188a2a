// The look at what a save would change, before it does.

import { html, nothing, type TemplateResult } from "lit";
import { open } from "../../design/dialog.ts";
import { table, type Content } from "../../design/parts.ts";
import { words as parts } from "../../design/words.ts";
import { diff, type Line } from "./diff.ts";
import { isSecretAt, type Schema } from "./schema.ts";
import { pathText, type Change, type Tree } from "../../state/tree.ts";
import { words } from "./words.ts";

/** Asks about changes of single values. */
export function reviewChanges(root: Schema, changes: readonly Change[]): Promise<boolean> {
  const value = (shown: Tree, { path }: Change): Content => {
    if (shown === undefined) return html`<span class="faint">${words().notSet}</span>`;
    if (isSecretAt(root, path)) return html`<span class="faint">${words().hidden}</span>`;
    return html`<code>${typeof shown === "string" ? shown : JSON.stringify(shown)}</code>`;
  };
  const columns = [
    { title: words().place, show: (change: Change) => html`<code>${pathText(change.path)}</code>` },
    { title: words().before, show: (change: Change) => value(change.before, change) },
    { title: words().after, show: (change: Change) => value(change.after, change) },
  ];
  return review(html`<div class="config-review">${table(words().changes(changes.length), columns, changes)}</div>`, words().changes(changes.length));
}

/** Asks about changes of the text. */
export function reviewText(before: string, after: string): Promise<boolean> {
  const lines = diff(before, after);
  const differing = lines.filter(({ kind }) => kind === "added" || kind === "removed").length;
  const body = html`<div class="config-diff" role="region" tabindex="0" aria-label=${words().lines(differing)}>${lines.map(line)}</div>`;
  return review(body, words().lines(differing));
}

async function review(body: TemplateResult, title: string): Promise<boolean> {
  const answer = await open<boolean>({ label: title, className: "wide" }, (close) => html`<form method="dialog" @submit=${() => close(true)}>
    <h2>${title}</h2>
    ${body}
    <div class="actions end">
      <button class="button" type="button" @click=${() => close(false)}>${parts().cancel}</button>
      <button class="button main" autofocus>${words().save}</button>
    </div>
  </form>`);
  return answer === true;
}

const SIGNS = { added: "+", removed: "−", same: " ", skipped: "⋯" } as const;

function line({ kind, text }: Line): TemplateResult {
  const said = kind === "added" || kind === "removed" ? html`<span class="unseen">${words()[kind]}</span>` : nothing;
  return html`<div class=${kind}>${said}<span aria-hidden="true">${SIGNS[kind]}</span><code>${text}</code></div>`;
}
