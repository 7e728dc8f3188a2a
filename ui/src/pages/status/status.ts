// How the gateway and what it depends on are doing. A page to copy: resources, words, and templates of the design.

import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../../design/icons.ts";
import { badge, banner, card, facts, shown, table, type Column } from "../../design/parts.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago, bytes, count, span } from "../../i18n/format.ts";
import type { CooldownRow, HealthSnapshot, ModelsAuthStatusResult, ProviderAuth, SystemInfoResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { Resource } from "../../state/resource.ts";
import { View } from "../../state/view.ts";
import { words } from "./words.ts";

/** What no event tells of, memory and load, is asked for again after this time. */
const LOOK_AGAIN_MS = 10_000;

const health = new Resource(() => gateway.call("health"), ["health", "config.changed"]);
const system = new Resource(() => gateway.call("system.info"));
const models = new Resource(() => gateway.call("models.authStatus"), ["config.changed", "health"]);

class StatusPage extends View {
  protected override entered(): (() => void)[] {
    const timer = setInterval(() => document.hidden || lookAgain(), LOOK_AGAIN_MS);
    return [health.follow(), system.follow(), models.follow(), () => clearInterval(timer)];
  }

  protected override render(): TemplateResult {
    const refresh = html`<button class="button" type="button" @click=${lookAgain}>${icon("refresh")}${words().refresh}</button>`;
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead, actions: refresh })}
      ${shown(health, state)}
      <div class="columns">
        ${card(words().gateway, shown(health, gatewayFacts))}
        ${card(words().system, shown(system, systemFacts))}
      </div>
      ${card(words().models, shown(models, modelTable))}
    </div>`;
  }
}

function lookAgain(): void {
  for (const resource of [health, system, models]) void resource.refresh();
}

function state({ ok, degraded }: HealthSnapshot): TemplateResult {
  if (ok) return html`<p>${badge("good", words().allWell)}</p>`;
  return html`${degraded.map((what) => banner("warn", what))}
    <p class="faint small">${words().mend}</p>`;
}

function gatewayFacts(now: HealthSnapshot): TemplateResult {
  const reload = words().reloadState[now.configReload.hotReloadStatus as "watching" | "off"] ?? now.configReload.hotReloadStatus;
  return facts([
    [words().version, now.version],
    [words().uptime, span(now.uptimeMs)],
    [words().agents, count(now.agents.length)],
    [words().sessions, count(now.sessions.count)],
    [words().reload, reload],
    [words().database, now.sessions.path && html`<code>${now.sessions.path}</code>`],
  ]);
}

function systemFacts(now: SystemInfoResult): TemplateResult {
  const { diskTotalBytes: disk, diskAvailableBytes: free } = now;
  return facts([
    [words().host, now.machineName],
    [words().system, `${now.osLabel} · ${now.arch}`],
    [words().processor, count(now.cpuCount)],
    [words().load, now.loadAverage?.map((load) => load.toFixed(2)).join(" · ")],
    [words().memory, words().memoryOf(bytes(now.memoryTotalBytes - now.memoryFreeBytes), bytes(now.memoryTotalBytes))],
    [words().disk, disk && free !== undefined ? words().diskFree(bytes(free), bytes(disk)) : null],
  ]);
}

function modelTable({ model, fallbacks, providers, cooldowns }: ModelsAuthStatusResult): TemplateResult {
  const columns: Column<ProviderAuth>[] = [
    { title: words().provider, show: ({ displayName }) => displayName },
    { title: "", side: "end", show: (provider) => standing(provider, cooldowns) },
  ];
  return html`${facts([
      [words().model, model],
      [words().fallbacks, fallbacks.join(", ")],
    ])}
    ${providers.length > 0 ? table(words().models, columns, providers) : nothing}`;
}

function standing({ provider, status }: ProviderAuth, cooldowns: readonly CooldownRow[]): TemplateResult {
  const rests = cooldowns.filter((row) => row.provider === provider);
  if (status === "missing") return badge("bad", words().noKey);
  if (rests.length === 0) return badge("good", words().ready);
  return html`${rests.map((row) => badge("warn", [words().cooldown(row.model ?? provider), row.until ? ago(row.until) : ""].filter(Boolean).join(" · ")))}`;
}

customElements.define("page-status", StatusPage);
