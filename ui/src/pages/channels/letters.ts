// Replies that were given up: sent again, or dropped for good.

import { html, nothing } from "lit";
import { confirm } from "../../design/dialog.ts";
import { card, table, type Column, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago } from "../../i18n/format.ts";
import type { DeadLetter } from "../../protocol/types.ts";
import { address } from "../../shell/router.ts";
import { where } from "./pairing.ts";
import { letters } from "./state.ts";
import { words } from "./words.ts";

export function deadLetters(): Content {
  const all = letters.value?.letters ?? [];
  if (all.length === 0) return nothing;
  const every = html`<div class="actions">
    <button class="button small" type="button" @click=${() => void retry()}>${words().retryAll}</button>
    <button class="button small danger" type="button" @click=${() => void drop()}>${words().dropAll}</button>
  </div>`;
  return card(words().letters, table(words().letters, columns(), all), all.length > 1 ? every : nothing);
}

function columns(): Column<DeadLetter>[] {
  return [
    {
      title: words().letter,
      show: (letter) => html`<a class="channel-letter" href=${address("chat", letter.sessionKey)}>${letter.text || words().noText}</a>
        <div class="small wrong">${letter.error ?? words().unknownWhy}</div>`,
    },
    { title: words().to, show: (letter) => html`<span class="channel-short">${where(letter)}</span><div class="faint small">${letter.chat}</div>` },
    { title: words().written, show: ({ createdAtMs, attempts }) => html`<span class="channel-short">${ago(createdAtMs)}</span><div class="faint small">${words().tried(attempts)}</div>` },
    {
      title: "",
      side: "end",
      show: ({ id }) => html`<div class="actions">
        <button class="button small" type="button" aria-label="${words().retry} ${id}" @click=${() => void retry(id)}>${words().retry}</button>
        <button class="button small danger" type="button" aria-label="${words().drop} ${id}" @click=${() => void drop(id)}>${words().drop}</button>
      </div>`,
    },
  ];
}

/** Without a number, all of them. */
async function retry(id?: number): Promise<void> {
  await attempt(() => gateway.call("channels.deadLetters.retry", named(id)), words().retried);
  await letters.refresh();
}

async function drop(id?: number): Promise<void> {
  const title = id === undefined ? words().dropAllTitle : words().dropTitle;
  const isSure = await confirm({ title, body: words().dropBody, action: id === undefined ? words().dropAll : words().drop, tone: "danger" });
  if (!isSure) return;
  await attempt(() => gateway.call("channels.deadLetters.discard", named(id)), words().dropped);
  await letters.refresh();
}

function named(id?: number): { id?: number } {
  return id === undefined ? {} : { id };
}
