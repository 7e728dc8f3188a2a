// Devices that may connect, and those that ask to. A page to copy for lists with deeds.

import { html, nothing, type TemplateResult } from "lit";
import { confirm } from "../../design/dialog.ts";
import { badge, card, empty, shown, table, type Column } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago } from "../../i18n/format.ts";
import type { DevicePairListResult, DevicePairRequested, PairedDevice } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { Resource } from "../../state/resource.ts";
import { View } from "../../state/view.ts";
import { words } from "./words.ts";

const ID_SHOWN = 12;

const devices = new Resource(() => gateway.call("device.pair.list"), ["device.pair.requested", "device.pair.resolved", "presence"]);

class DevicesPage extends View {
  protected override entered(): (() => void)[] {
    return [devices.follow()];
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead })}
      ${shown(devices, lists)}
    </div>`;
  }
}

function lists({ pending, paired }: DevicePairListResult): TemplateResult {
  return html`${pending.length > 0 ? card(words().waiting, table(words().waiting, waitingColumns(), pending)) : nothing}
  ${card(words().paired, paired.length > 0 ? table(words().paired, pairedColumns(), paired) : empty("device", words().none, words().noneWhy))}`;
}

function waitingColumns(): Column<DevicePairRequested>[] {
  return [
    { title: words().device, show: (row) => html`<b>${nameOf(row)}</b> ${row.remoteIp ? html`<span class="faint">${words().from(row.remoteIp)}</span>` : nothing}<br />${sign(row)}` },
    { title: words().rights, show: ({ scopes }) => rights(scopes ?? []) },
    { title: words().asked, show: ({ ts }) => ago(ts) },
    {
      title: "",
      side: "end",
      show: (row) => html`<div class="actions">
        <button class="button small" type="button" @click=${() => void reject(row)}>${words().reject}</button>
        <button class="button small main" type="button" @click=${() => void approve(row)}>${words().approve}</button>
      </div>`,
    },
  ];
}

function pairedColumns(): Column<PairedDevice>[] {
  return [
    { title: words().device, show: (row) => html`<b>${nameOf(row)}</b><br />${sign(row)}` },
    { title: words().rights, show: ({ scopes, role }) => (scopes.length > 0 ? rights(scopes) : role) },
    { title: words().lastSeen, show: (row) => (row.connected ? badge("good", words().now) : ago(row.lastSeenAtMs)) },
    { title: "", side: "end", show: (row) => html`<button class="button small danger" type="button" @click=${() => void remove(row)}>${words().remove}</button>` },
  ];
}

type Named = Pick<PairedDevice, "deviceId" | "displayName" | "clientId" | "platform">;

function nameOf({ displayName, clientId, platform }: Named): string {
  return displayName ?? ([clientId, platform].filter(Boolean).join(" · ") || words().unnamed);
}

/** What tells two devices of one name apart. */
function sign({ deviceId }: Named): TemplateResult {
  return html`<code class="faint" title=${deviceId}>${deviceId.slice(0, ID_SHOWN)}</code>`;
}

function rights(scopes: readonly string[]): string {
  return scopes.map((scope) => scope.replace("operator.", "")).join(", ");
}

async function approve(row: DevicePairRequested): Promise<void> {
  await attempt(() => gateway.call("device.pair.approve", { requestId: row.requestId }), words().approved(nameOf(row)));
  await devices.refresh();
}

async function reject(row: DevicePairRequested): Promise<void> {
  await attempt(() => gateway.call("device.pair.reject", { requestId: row.requestId }), words().rejected(nameOf(row)));
  await devices.refresh();
}

async function remove(row: PairedDevice): Promise<void> {
  const isSure = await confirm({ title: words().removeTitle(nameOf(row)), body: words().removeBody, action: words().remove, tone: "danger" });
  if (!isSure) return;
  await attempt(() => gateway.call("device.pair.remove", { deviceId: row.deviceId }), words().removed(nameOf(row)));
  await devices.refresh();
}

customElements.define("page-devices", DevicesPage);
