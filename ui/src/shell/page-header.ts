// The head of an ordinary page: what it is, in a sentence what it is for, and what can be done on the whole of it.

import { html, nothing, type TemplateResult } from "lit";
import type { Content } from "../design/parts.ts";
import { menuButton } from "./drawer.ts";

export interface Head {
  readonly title: string;
  readonly lead?: string;
  readonly actions?: Content;
}

export function pageHeader({ title, lead, actions }: Head): TemplateResult {
  return html`<header>
    <div>
      <div class="page-title">${menuButton()}<h1>${title}</h1></div>
      ${lead ? html`<p>${lead}</p>` : nothing}
    </div>
    ${actions ? html`<div class="actions">${actions}</div>` : nothing}
  </header>`;
}
