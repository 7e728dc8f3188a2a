// Strangers who wait with a code, and people who were let in.

import { html, nothing, type TemplateResult } from "lit";
import { confirm, open } from "../../design/dialog.ts";
import { badge, banner, card, table, type Column, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago } from "../../i18n/format.ts";
import { visible } from "../../markdown/render.ts";
import type { PairedPerson, PendingSender } from "../../protocol/types.ts";
import { channels, pairing } from "./state.ts";
import { words } from "./words.ts";

/** Those who wait, before everything else: they want something of the reader. */
export function waiting(): Content {
  const now = pairing.value;
  if (!now || now.pending.length === 0) return nothing;
  return card(
    words().waiting,
    html`${now.commandOwnerConfigured ? nothing : banner("warn", words().noOwner)} ${table(words().waiting, waitingColumns(), now.pending)}`,
  );
}

export function letIn(): Content {
  const { state } = pairing;
  const { value, error } = state.value;
  // Who may not decide is not shown who waits, which is no failure of the page.
  if (!value) return error ? banner("warn", words().noPairing(error.message)) : nothing;
  return value.paired.length > 0 ? card(words().letIn, table(words().letIn, pairedColumns(), value.paired)) : nothing;
}

function waitingColumns(): Column<PendingSender>[] {
  return [
    { title: words().person, show: (row) => person(row.name, row.sender) },
    { title: words().channel, show: where },
    { title: words().code, show: ({ code }) => html`<code>${code}</code>` },
    { title: words().askedAt, show: ({ requestedAtMs, expiresAtMs }) => html`${ago(requestedAtMs)}<div class="faint small">${words().ends(ago(expiresAtMs))}</div>` },
    {
      title: "",
      side: "end",
      show: (row) => html`<div class="actions">
        <button class="button small" type="button" aria-label="${words().deny}: ${nameOf(row)}" @click=${() => void deny(row)}>${words().deny}</button>
        <button class="button small main" type="button" aria-label="${words().approve}: ${nameOf(row)}" @click=${() => void approve(row)}>${words().approve}</button>
      </div>`,
    },
  ];
}

function pairedColumns(): Column<PairedPerson>[] {
  return [
    { title: words().person, show: (row) => html`${person(row.name, row.sender)} ${row.owner ? badge("good", words().owner) : nothing}` },
    { title: words().channel, show: where },
    { title: words().since, show: ({ approvedAtMs }) => ago(approvedAtMs) },
    {
      title: "",
      side: "end",
      show: (row) => html`<button class="button small danger" type="button" aria-label="${words().remove}: ${nameOf(row)}" @click=${() => void remove(row)}>${words().remove}</button>`,
    },
  ];
}

function person(name: string, id: string): TemplateResult {
  return html`<b>${visible(name || id)}</b> ${name ? html`<code class="faint">${id}</code>` : nothing}`;
}

/** Channel and account, as people name them. */
export function where({ channel, accountId }: { channel: string; accountId: string }): string {
  const label = channels.value?.channelLabels[channel] ?? channel;
  return accountId === "default" ? label : `${label} · ${accountId}`;
}

/** Strangers choose their names, so hidden signs in them are written out. */
function nameOf({ name, sender }: { name: string; sender: string }): string {
  return visible(name || sender);
}

async function approve(row: PendingSender): Promise<void> {
  const { channel, code } = row;
  const isOwned = pairing.value?.commandOwnerConfigured === true;
  const role = isOwned ? "guest" : await askRole(nameOf(row));
  if (!role) return;
  const params = { channel, code, bootstrapCommandOwner: role === "owner" };
  await attempt(() => gateway.call("channels.pairing.approve", params), role === "owner" ? words().approvedOwner(nameOf(row)) : words().approved(nameOf(row)));
  await pairing.refresh();
}

/** The first person can become the owner, which is much: it is asked. */
function askRole(name: string): Promise<"owner" | "guest" | undefined> {
  return open<"owner" | "guest">({ label: words().roleTitle(name) }, (close) => html`<div class="body">
    <h2>${words().roleTitle(name)}</h2>
    <p class="faint">${words().roleBody(name)}</p>
    <div class="actions end">
      <button class="button quiet" type="button" autofocus @click=${() => close()}>${words().cancel}</button>
      <button class="button" type="button" @click=${() => close("guest")}>${words().asGuest}</button>
      <button class="button main" type="button" @click=${() => close("owner")}>${words().asOwner}</button>
    </div>
  </div>`);
}

async function deny(row: PendingSender): Promise<void> {
  await attempt(() => gateway.call("channels.pairing.dismiss", { channel: row.channel, code: row.code }), words().denied(nameOf(row)));
  await pairing.refresh();
}

async function remove(row: PairedPerson): Promise<void> {
  const isSure = await confirm({ title: words().removeTitle(nameOf(row)), body: words().removeBody, action: words().remove, tone: "danger" });
  if (!isSure) return;
  const { channel, accountId, sender } = row;
  await attempt(() => gateway.call("channels.pairing.remove", { channel, accountId, sender }), words().removed(nameOf(row)));
  await pairing.refresh();
}
