// Keys that work everywhere. Those without Ctrl or Cmd don't while somebody writes.

import { html, type TemplateResult } from "lit";
import { open } from "../design/dialog.ts";
import { words as parts } from "../design/words.ts";
import { PAGES } from "../pages/table.ts";
import { openPalette } from "./palette.ts";
import { address, go } from "./router.ts";
import { words } from "./words.ts";

/** How long `g` waits for its second key. */
const SECOND_KEY_MS = 1_500;

let leading = 0;

export function listen(): void {
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      void openPalette();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event) && !document.querySelector("dialog[open]")) {
      plain(event);
    }
  });
}

function plain(event: KeyboardEvent): void {
  const page = PAGES.find(({ key }) => key === event.key);
  if (event.key === "?") void showShortcuts();
  else if (page && Date.now() - leading < SECOND_KEY_MS) {
    event.preventDefault();
    go(address(page.name));
  }
  leading = event.key === "g" ? Date.now() : 0;
}

function isWriting({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

export function showShortcuts(): Promise<unknown> {
  return open({ label: words().shortcuts }, (close) => html`<div class="body">
    <h2>${words().shortcuts}</h2>
    <dl class="facts">
      ${row(html`<kbd>Ctrl</kbd> <kbd>K</kbd>`, words().palette)}
      ${row(html`<kbd>?</kbd>`, words().shortcuts)}
      ${PAGES.filter(({ key }) => key).map(({ key, title }) => row(html`<kbd>G</kbd> ${words().then} <kbd>${key!.toUpperCase()}</kbd>`, `${words().shortcutGo}: ${title()}`))}
    </dl>
    <div class="actions end"><button class="button" type="button" autofocus @click=${() => close()}>${parts().close}</button></div>
  </div>`);
}

function row(keys: TemplateResult, does: string): TemplateResult {
  return html`<dt>${does}</dt><dd>${keys}</dd>`;
}
