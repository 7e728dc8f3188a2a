// What runs here: which program, in which version, where, and since when.

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../../design/copy.ts";
import { icon, type IconName } from "../../design/icons.ts";
import { card, facts, shown } from "../../design/parts.ts";
import { gateway } from "../../gateway/gateway.ts";
import { bytes, count, span } from "../../i18n/format.ts";
import type { SystemInfoResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address } from "../../shell/router.ts";
import { showShortcuts } from "../../shell/shortcuts.ts";
import { Resource } from "../../state/resource.ts";
import { View } from "../../state/view.ts";
import "./about.css";
import { words } from "./words.ts";

/** How long it runs is asked for again after this time. */
const LOOK_AGAIN_MS = 30_000;

const system = new Resource(() => gateway.call("system.info"));
const identity = new Resource(() => gateway.call("gateway.identity.get"));
const update = new Resource(() => gateway.call("update.status"));

class AboutPage extends View {
  protected override entered(): (() => void)[] {
    const timer = setInterval(() => document.hidden || void system.refresh(), LOOK_AGAIN_MS);
    return [...[system, identity, update].map((resource) => resource.follow()), () => clearInterval(timer)];
  }

  protected override render(): TemplateResult {
    const report = html`<button class="button" type="button" @click=${() => void copy(reportText())}>${icon("copy")}${words().copy}</button>`;
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead, actions: report })}
      <div class="columns">
        ${card(words().program, facts(programFacts()))}
        ${card(words().machine, shown(system, (now) => facts(machineFacts(now))))}
      </div>
      ${card(words().further, links())}
    </div>`;
  }
}

type Rows = Parameters<typeof facts>[0];

function programFacts(): Rows {
  const hello = gateway.hello.value;
  if (!hello) return [];
  const { server, protocol, features, snapshot } = hello;
  const { implementation } = server;
  const id = identity.value?.deviceId;
  return [
    [words().version, implementation ? `${implementation.name} ${implementation.version}` : server.version],
    [words().update, update.value ? (update.value.updateAvailable ? words().updateThere : words().updateUnknown) : null],
    [words().protocol, String(protocol)],
    [words().compatible, implementation ? `OpenClaw ${server.version}` : null],
    [words().methods, count(features.methods.length)],
    [words().config, snapshot.configPath && html`<code>${snapshot.configPath}</code>`],
    [words().state, snapshot.stateDir && html`<code>${snapshot.stateDir}</code>`],
    [words().identity, id && html`<code title=${id}>${id.slice(0, 16)}…</code>`],
    [words().license, "MIT / Apache-2.0"],
  ];
}

function machineFacts(now: SystemInfoResult): Rows {
  return [
    [words().uptime, span(now.uptimeMs)],
    [words().host, now.machineName],
    [words().system, `${now.osLabel} · ${now.platform} ${now.release}`],
    [words().processor, [now.cpuModel, `${count(now.cpuCount)} × ${now.arch}`].filter(Boolean).join(" · ")],
    [words().memory, bytes(now.memoryTotalBytes)],
    [words().disk, now.diskTotalBytes === undefined ? null : bytes(now.diskTotalBytes)],
    [words().process, String(now.pid)],
  ];
}

/** What somebody who helps asks for. */
function reportText(): string {
  const now = system.value;
  const lines: readonly (readonly [string, unknown])[] = [
    ["version", gateway.hello.value?.server.implementation?.version],
    ["protocol", gateway.hello.value?.protocol],
    ["system", now && `${now.osLabel} ${now.release} ${now.arch}`],
    ["uptime", now && span(now.uptimeMs)],
    ["browser", navigator.userAgent],
  ];
  return lines.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${String(value)}\n`).join("");
}

function links(): TemplateResult {
  const link = (page: string, sign: IconName, title: string, why: string) => html`<li>
    <a href=${address(page)}>${icon(sign)}<span>${title}</span></a>
    <p class="faint small">${why}</p>
  </li>`;
  return html`<ul class="about-links body">
    ${link("status", "health", words().health, words().healthWhy)} ${link("logs", "logs", words().logs, words().logsWhy)} ${link("config", "config", words().configuration, words().configurationWhy)}
    <li>
      <button class="button quiet" type="button" @click=${() => void showShortcuts()}>${icon("info")}<span>${words().keys}</span></button>
      <p class="faint small">${words().keysWhy}</p>
    </li>
  </ul>
  ${gateway.may("operator.admin") ? html`<p class="body about-help small faint">${words().help} <code>chela doctor</code></p>` : nothing}`;
}

customElements.define("page-about", AboutPage);
