// The column of sessions beside the conversation.

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icon } from "../../design/icons.ts";
import { menu } from "../../design/menu.ts";
import { shown } from "../../design/parts.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago } from "../../i18n/format.ts";
import type { SessionRow } from "../../protocol/types.ts";
import { address, go } from "../../shell/router.ts";
import { View } from "../../state/view.ts";
import { randomId, room } from "./room.ts";
import { nameOf, patch, query, remove, rename, sessions, withArchived } from "./sessions.ts";
import { words } from "./words.ts";

/** Between two letters of somebody who types. */
const TYPING_MS = 200;

/** A session that isn't there before its first message. */
export function newSession(): void {
  const agent = gateway.mainSession.split(":")[1] ?? "main";
  go(address("chat", `agent:${agent}:web:${randomId()}`));
}

class SessionList extends View {
  #typing: ReturnType<typeof setTimeout> | undefined;

  protected override render(): TemplateResult {
    return html`<div class="sessions-head">
        <button class="button" type="button" @click=${newSession}>${icon("plus")}${words().newSession}</button>
        <div class="search">
          ${icon("search")}
          <input type="search" placeholder=${words().search} aria-label=${words().search} .value=${query.value} @input=${this.#search} />
        </div>
      </div>
      <div class="sessions-list">${shown(sessions, (rows) => this.#list(rows))}</div>
      <label class="sessions-foot small faint">
        <input type="checkbox" .checked=${withArchived.value} @change=${this.#toggleArchived} />${words().showArchived}
      </label>`;
  }

  #list(rows: readonly SessionRow[]): TemplateResult {
    const current = room.key.value;
    const isKnown = current === null || query.value !== "" || rows.some(({ key }) => key === current);
    const all = isKnown ? rows : [{ ...unsaved(current), ...room.info.value }, ...rows];
    if (all.length === 0) return html`<p class="faint small none">${words().none}</p>`;
    return html`<ul>${repeat(all, ({ key }) => key, (row) => this.#row(row, current))}</ul>`;
  }

  #row(row: SessionRow, current: string | null): TemplateResult {
    const isCurrent = row.key === current;
    return html`<li>
      <a href=${address("chat", row.key)} aria-current=${isCurrent ? "true" : nothing} title=${row.key}>
        <span class="name">${row.pinned ? icon("pin") : nothing}<span>${nameOf(row)}</span>
          ${row.hasActiveRun ? html`<span class="running" role="img" aria-label=${words().working}></span>` : nothing}</span>
        <span class="last small faint"><span>${row.archived ? words().archived : (row.lastMessagePreview ?? row.channel ?? "")}</span>
          <span>${row.updatedAt ? ago(row.updatedAt, Date.now(), "narrow") : ""}</span></span>
      </a>
      ${menu(words().options, [
        { title: words().rename, icon: "edit", run: () => void rename(row) },
        { title: row.pinned ? words().unpin : words().pin, icon: "pin", run: () => void patch({ key: row.key, pinned: !row.pinned }) },
        { title: row.archived ? words().unarchive : words().archive, icon: "archive", run: () => void patch({ key: row.key, archived: !row.archived }) },
        { title: words().delete, icon: "trash", tone: "danger", run: () => void this.#delete(row) },
      ])}
    </li>`;
  }

  async #delete(row: SessionRow): Promise<void> {
    const isGone = await remove(row);
    if (isGone && row.key === room.key.peek()) go(address("chat", gateway.mainSession));
  }

  #search = (event: InputEvent) => {
    query.value = (event.target as HTMLInputElement).value;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => void sessions.refresh(), TYPING_MS);
  };

  #toggleArchived = (event: Event) => {
    withArchived.value = (event.target as HTMLInputElement).checked;
    void sessions.refresh();
  };
}

function unsaved(key: string): SessionRow {
  const nothingYet = { isMain: false, archived: false, pinned: false, unread: false, abortedLastRun: false, hasActiveRun: false };
  return { key, kind: "direct", updatedAt: null, activeRunIds: [], ...nothingYet };
}

customElements.define("chat-sessions", SessionList);
