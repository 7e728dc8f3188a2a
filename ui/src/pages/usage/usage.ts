// What calls of models used and cost: by day, by model, by session.

import { html, nothing, svg, type TemplateResult } from "lit";
import { icon } from "../../design/icons.ts";
import { banner, card, empty, shown, table, type Column, type Content } from "../../design/parts.ts";
import { complain } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago, cost, count, percent, short } from "../../i18n/format.ts";
import type { SessionsUsageResult, UsageTotals } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go, place } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { effect, Signal, untracked } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import "./chart.ts";
import { daysFile, modelsFile, sessionsFile, type File } from "./files.ts";
import { download } from "./csv.ts";
import { isDay, paramsOf, PRESETS, rangeOf, written, type Range } from "./range.ts";
import { chartOf, modelName, type Metric } from "./series.ts";
import "./usage.css";
import { words } from "./words.ts";

/** No event tells of a call. */
const LOOK_AGAIN_MS = 60_000;

/** As many as the gateway gives, and those that are shown at first. */
const SESSIONS_MAX = 1_000;
const SHOWN_FIRST = 10;

const METRICS = ["cost", "tokens"] as const;

const usage = new Resource(() => gateway.call("sessions.usage", { ...paramsOf(range(), ownZone()), groupBy: "family", limit: SESSIONS_MAX }), ["budget.reached"]);
const metric = new Signal<Metric>("cost");
const isWhole = new Signal(false);

class UsagePage extends View {
  protected override entered(): (() => void)[] {
    const timer = setInterval(() => document.hidden || void usage.refresh(), LOOK_AGAIN_MS);
    let asked = written(range());
    const ask = effect(() => {
      const wanted = written(rangeOf(place.value.rest));
      if (wanted === asked || place.value.page.name !== "usage") return;
      asked = wanted;
      untracked(() => void usage.refresh());
    });
    return [usage.follow(), ask, () => clearInterval(timer)];
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead })} ${days(rangeOf(place.value.rest), usage.value)} ${shown(usage, report)}
    </div>`;
  }
}

function range(): Range {
  return untracked(() => rangeOf(place.value.rest));
}

function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Which days: ready ranges, and any other. */
function days(now: Range, answer?: SessionsUsageResult): TemplateResult {
  const from = "from" in now ? now.from : (answer?.startDate ?? "");
  const to = "to" in now ? now.to : (answer?.endDate ?? "");
  const preset = (name: (typeof PRESETS)[number]) => html`<a class="button small" aria-current=${"preset" in now && now.preset === name ? "true" : nothing} href=${address("usage", name)}>${words().presets[name]}</a>`;
  return html`<div class="usage-days">
    <nav class="actions" aria-label=${words().days}>${PRESETS.map(preset)}</nav>
    <form class="actions" @submit=${choose}>
      <label for="usage-from" class="small faint">${words().from}</label>
      <input id="usage-from" name="from" type="date" required .value=${from} />
      <label for="usage-to" class="small faint">${words().to}</label>
      <input id="usage-to" name="to" type="date" required .value=${to} />
      <button class="button small">${words().show}</button>
    </form>
  </div>`;
}

function choose(event: SubmitEvent): void {
  event.preventDefault();
  const given = new FormData(event.currentTarget as HTMLFormElement);
  const [from, to] = [String(given.get("from")), String(given.get("to"))];
  if (!isDay(from) || !isDay(to) || from > to) complain(words().wrongDays);
  else go(`/usage/${written({ from, to })}`);
}

function report(answer: SessionsUsageResult): TemplateResult {
  const { totals, aggregates, startDate, endDate } = answer;
  if (totals.totalTokens === 0) return card(words().perDay, empty("usage", words().none, words().noneWhy));
  const chart = chartOf({ startDate, endDate, rows: aggregates.modelDaily }, metric.value);
  return html`${totals.missingCostEntries > 0 ? banner("warn", words().unpriced(count(totals.missingCostEntries))) : nothing}
    ${tiles(answer)}
    ${card(words().perDay, html`<usage-chart .chart=${chart} .metric=${metric.value}></usage-chart>`, html`<div class="actions">${metricSwitch()} ${csvButton(words().perDay, daysFile(answer))}</div>`)}
    ${card(words().perModel, models(answer), csvButton(words().perModel, modelsFile(answer)))}
    ${card(words().perSession, sessions(answer), csvButton(words().perSession, sessionsFile(answer)))}`;
}

function metricSwitch(): TemplateResult {
  const one = (name: Metric) => html`<button class="button small" type="button" aria-pressed=${metric.value === name} @click=${() => (metric.value = name)}>${words().metrics[name]}</button>`;
  return html`<div class="usage-switch" role="group" aria-label=${words().measure}>${METRICS.map(one)}</div>`;
}

function csvButton(what: string, file: File): TemplateResult {
  return html`<button class="button small" type="button" aria-label="CSV: ${what}" @click=${() => download(file.name, file.text())}>${icon("download")}CSV</button>`;
}

function tiles({ totals, aggregates }: SessionsUsageResult): TemplateResult {
  const { input, output, cacheRead, cacheWrite } = totals;
  const read = input + cacheRead + cacheWrite;
  const tile = (name: string, value: string, note: Content) => html`<div class="card">
    <dt>${name}</dt>
    <dd>${value}</dd>
    <dd class="faint small">${note}</dd>
  </div>`;
  const { assistant, user, toolCalls } = aggregates.messages;
  return html`<dl class="usage-tiles">
    ${tile(words().metrics.cost, cost(totals.totalCost), words().perTurn(cost(totals.totalCost / Math.max(1, user))))}
    ${tile(words().metrics.tokens, short(totals.totalTokens), words().inOut(short(read), short(output)))}
    ${tile(words().fromCache, percent(cacheRead / Math.max(1, read)), words().ofInput)}
    ${tile(words().calls, count(assistant), words().turns(count(user), count(toolCalls)))}
  </dl>`;
}

/** A row of a list that is sorted by what is measured. */
interface Ranked {
  readonly name: Content;
  readonly note: Content;
  readonly calls: number | undefined;
  readonly totals: UsageTotals;
}

function models({ aggregates, totals }: SessionsUsageResult): TemplateResult {
  const rows = aggregates.byModel.map((one): Ranked => ({ name: html`<b>${modelName(one)}</b>`, note: nothing, calls: one.count, totals: one.totals }));
  return ranked(words().perModel, words().model, rows, totals);
}

function sessions({ sessions, totals }: SessionsUsageResult): TemplateResult {
  const rows: Ranked[] = sessions.flatMap(({ key, label, model, usage }) =>
    usage ? [{ name: html`<a href=${address("chat", key)}>${label ?? key}</a>`, note: [model, ago(usage.lastActivity)].filter(Boolean).join(" · "), calls: usage.messageCounts.assistant, totals: usage }] : [],
  );
  const left = rest(totals, rows.map((row) => row.totals));
  if (left.totalTokens > 0) rows.push({ name: html`<span class="faint">${words().gone}</span>`, note: nothing, calls: undefined, totals: left });
  const all = html`<p class="body"><button class="button" type="button" @click=${() => (isWhole.value = true)}>${words().showAll(count(rows.length))}</button></p>`;
  const isCut = !isWhole.value && rows.length > SHOWN_FIRST;
  return html`${ranked(words().perSession, words().session, rows, totals, isCut ? SHOWN_FIRST : rows.length)} ${isCut ? all : nothing}`;
}

function ranked(label: string, title: string, rows: readonly Ranked[], totals: UsageTotals, shownRows = rows.length): TemplateResult {
  const measure = (one: UsageTotals) => (metric.value === "cost" ? one.totalCost : one.totalTokens);
  const all = measure(totals);
  const sorted = [...rows].sort((one, other) => measure(other.totals) - measure(one.totals)).slice(0, shownRows);
  const columns: Column<Ranked>[] = [
    { title, show: ({ name, note }) => html`<div class="usage-name">${name}</div>${note === nothing ? nothing : html`<div class="faint small">${note}</div>`}` },
    { title: words().share, show: (row) => shareBar(all > 0 ? measure(row.totals) / all : 0) },
    { title: words().calls, side: "end", show: ({ calls }) => number(calls === undefined ? "–" : count(calls)) },
    { title: words().input, side: "end", show: ({ totals: { input, cacheRead, cacheWrite } }) => number(short(input + cacheRead + cacheWrite)) },
    { title: words().output, side: "end", show: ({ totals }) => number(short(totals.output)) },
    { title: words().metrics.cost, side: "end", show: ({ totals }) => number(cost(totals.totalCost)) },
  ];
  return table(label, columns, sorted);
}

function shareBar(share: number): TemplateResult {
  return html`<div class="usage-share">
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${svg`<rect class="track" width="100" height="6" /><rect width=${Math.max(share > 0 ? 1 : 0, share * 100)} height="6" />`}</svg>
    <span class="small number">${percent(share)}</span>
  </div>`;
}

function number(text: string): TemplateResult {
  return html`<span class="number usage-short">${text}</span>`;
}

/** What sessions used that aren't there any more. */
function rest(totals: UsageTotals, parts: readonly UsageTotals[]): UsageTotals {
  const left = { ...totals };
  for (const part of parts) for (const key of Object.keys(left) as (keyof UsageTotals)[]) left[key] = Math.max(0, left[key] - part[key]);
  return left;
}

customElements.define("page-usage", UsagePage);
