// One job: what it does, how it stands, and what became of each of its times.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { icon } from "../../design/icons.ts";
import { badge, banner, card, empty, facts, shown, table, type Column, type Content } from "../../design/parts.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago, moment, span } from "../../i18n/format.ts";
import type { CronJob, CronRunEntry, CronRunsResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { textOf } from "./draft.ts";
import { deliveryText, lastText, nextText, runBadge, scheduleText } from "./shown.ts";
import { editAddress, remove, runNow, turn } from "./state.ts";
import { words } from "./words.ts";

/** Runs that are shown at first, and more at each asking; the gateway's own limit. */
const STEP = 20;
const MOST = 200;

/** Where its answer would go now, as the gateway words it. */
interface Preview {
  readonly label?: string;
  readonly detail?: string;
}

export function jobPage(job: CronJob, preview: unknown): TemplateResult {
  return html`${pageHeader({ title: job.name, lead: scheduleText(job.schedule), actions: deeds(job) })}
    ${warnings(job, (preview ?? {}) as Preview)}
    <div class="columns">
      ${card(
        words().state,
        facts([
          [words().next, nextText(job)],
          [words().last, lastText(job)],
          [words().took, job.state.lastDurationMs === undefined ? null : took(job.state.lastDurationMs)],
          [words().failures, job.state.consecutiveErrors > 0 ? String(job.state.consecutiveErrors) : null],
          [words().answers, answers(job)],
        ]),
      )}
      ${card(
        words().does,
        html`<p class="body automation-text">${textOf(job.payload)}</p>
          ${facts([
            [words().expression, job.schedule.kind === "cron" ? html`<code>${job.schedule.expr}</code>` : null],
            [words().agent, job.effectiveAgentId],
            [words().target, targetText(job)],
            [words().model, job.payload.kind === "agentTurn" ? job.payload.model : null],
            [words().created, moment(job.createdAtMs)],
            [words().trust, job.tainted ? badge("warn", words().tainted) : null],
          ])}`,
      )}
    </div>
    ${keyed(job.id, html`<automation-runs .jobId=${job.id}></automation-runs>`)}`;
}

function deeds(job: CronJob): TemplateResult {
  const gone = async () => (await remove(job)) && go(address("automations"), { replace: true });
  return html`<a class="button quiet" href=${address("automations")}>${words().all}</a>
    <button class="button danger" type="button" @click=${() => void gone()}>${words().delete}</button>
    <button class="button" type="button" @click=${() => void turn(job, !job.enabled)}>${job.enabled ? words().turnOff : words().turnOn}</button>
    <a class="button" href=${editAddress(job)}>${words().edit}</a>
    <button class="button main" type="button" @click=${() => void runNow(job)}>${icon("play")}${words().run}</button>`;
}

function warnings(job: CronJob, { label = "", detail = "" }: Preview): TemplateResult {
  const { autoDisabled, lastRunStatus, lastError } = job.state;
  return html`${autoDisabled ? banner("bad", words().autoDisabledWhy(autoDisabled.consecutiveErrors)) : nothing}
    ${lastRunStatus === "error" && lastError ? banner("bad", words().failedWith(lastError)) : nothing}
    ${label.includes("unresolved") ? banner("warn", words().noPlace(detail)) : nothing}`;
}

function answers({ delivery }: CronJob): string {
  if (delivery?.mode !== "announce") return words().places.none;
  const { channel = "last", to } = delivery;
  return channel === "last" ? words().places.last : [channel, to].filter(Boolean).join(" · ");
}

function targetText({ sessionTarget }: CronJob): Content {
  if (sessionTarget === "isolated" || sessionTarget === "main") return words().targets[sessionTarget];
  const key = sessionTarget.replace(/^session:/, "");
  return html`<a href=${address("chat", key)}>${key}</a>`;
}

class AutomationRuns extends View {
  static override properties = { jobId: { attribute: false } };
  declare jobId: string;
  #limit = new Signal(STEP);
  #runs = new Resource(() => gateway.call("cron.runs", { id: this.jobId, limit: this.#limit.peek() }), ["cron"]);

  protected override entered(): (() => void)[] {
    return [this.#runs.follow()];
  }

  protected override render(): TemplateResult {
    return card(words().history, shown(this.#runs, (runs) => this.#list(runs)));
  }

  #list({ entries, hasMore }: CronRunsResult): TemplateResult {
    if (entries.length === 0) return empty("clock", words().noRuns, words().noRunsWhy);
    const more = html`<p class="body"><button class="button" type="button" @click=${this.#more}>${words().earlier}</button></p>`;
    return html`${table(words().history, columns(), entries)} ${hasMore && this.#limit.value < MOST ? more : nothing}`;
  }

  #more = () => {
    this.#limit.value = Math.min(MOST, this.#limit.value * 2);
    void this.#runs.refresh();
  };
}

function columns(): Column<CronRunEntry>[] {
  return [
    { title: words().when, show: (run) => html`<span title=${ago(run.runAtMs ?? run.ts)}>${moment(run.runAtMs ?? run.ts)}</span>` },
    { title: words().result, show: runBadge },
    { title: words().took, show: ({ durationMs }) => html`<span class="automation-short">${durationMs === undefined ? "–" : took(durationMs)}</span>` },
    {
      title: words().said,
      show: (run) => html`<div class="automation-said">${run.error ?? run.summary ?? "–"}</div>
        <div class="faint small">${deliveryText(run)}</div>`,
    },
    {
      title: "",
      side: "end",
      show: ({ sessionKey }) => (sessionKey ? html`<a class="small automation-short" href=${address("chat", sessionKey)}>${words().conversation}</a>` : nothing),
    },
  ];
}

function took(ms: number): string {
  return ms < 1_000 ? words().underSecond : span(ms);
}

customElements.define("automation-runs", AutomationRuns);
