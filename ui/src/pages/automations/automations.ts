// What the assistant does by itself, and when. `/automations` lists the jobs, `/automations/<id>` shows one with its history, and
// `/automations/new` and `/automations/edit:<id>` are the form.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { icon } from "../../design/icons.ts";
import { menu } from "../../design/menu.ts";
import { banner, card, empty, shown, table, type Column } from "../../design/parts.ts";
import type { CronJob, CronListResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go, place } from "../../shell/router.ts";
import { View } from "../../state/view.ts";
import "./automations.css";
import "./form.ts";
import { jobPage } from "./job.ts";
import { lastText, nextText, scheduleText } from "./shown.ts";
import { EDIT, editAddress, engine, jobs, remove, runNow, turn } from "./state.ts";
import { words } from "./words.ts";

const NEW = "new";

class AutomationsPage extends View {
  protected override entered(): (() => void)[] {
    return [jobs.follow(), engine.follow()];
  }

  protected override render(): TemplateResult {
    const { rest } = place.value;
    return html`<div class="page">${rest === "" ? list() : rest === NEW ? form() : shown(jobs, (all) => one(all, rest))}</div>`;
  }
}

function list(): TemplateResult {
  return html`${pageHeader({ title: words().title, lead: words().lead, actions: makeNew() })}
    ${engine.value?.enabled === false ? banner("warn", words().engineOff) : nothing}
    ${card(words().jobs, shown(jobs, ({ jobs }) => (jobs.length > 0 ? table(words().jobs, columns(), jobs) : empty("clock", words().none, words().noneWhy, makeNew()))))}`;
}

function makeNew(): TemplateResult {
  return html`<a class="button main" href=${address("automations", NEW)}>${icon("plus")}${words().create}</a>`;
}

function form(job?: CronJob): TemplateResult {
  return html`${pageHeader({ title: job ? words().editTitle(job.name) : words().newTitle })}
    ${keyed(job?.id, html`<automation-form .job=${job}></automation-form>`)}`;
}

function one({ jobs, deliveryPreviews }: CronListResult, rest: string): TemplateResult {
  const id = rest.startsWith(EDIT) ? rest.slice(EDIT.length) : rest;
  const job = jobs.find((one) => one.id === id);
  if (!job) {
    const back = html`<a class="button" href=${address("automations")}>${words().all}</a>`;
    return html`${pageHeader({ title: words().title })} ${card(words().jobs, empty("clock", words().gone, words().goneWhy, back))}`;
  }
  return rest === id ? jobPage(job, deliveryPreviews[id]) : form(job);
}

function columns(): Column<CronJob>[] {
  return [
    {
      title: words().name,
      show: (job) => html`<a class="automation" href=${address("automations", job.id)}>${job.name}</a>
        <div class="faint small">${scheduleText(job.schedule)}</div>`,
    },
    { title: words().next, show: nextText },
    { title: words().last, show: lastText },
    {
      title: "",
      side: "end",
      show: (job) => html`<div class="actions">
        <button class="button small" type="button" aria-label=${words().runIt(job.name)} @click=${() => void runNow(job)}>${icon("play")}${words().run}</button>
        ${menu(words().more(job.name), [
          { title: words().history, icon: "clock", run: () => go(address("automations", job.id)) },
          { title: words().edit, icon: "edit", run: () => go(editAddress(job)) },
          job.enabled
            ? { title: words().turnOff, icon: "pause", run: () => void turn(job, false) }
            : { title: words().turnOn, icon: "play", run: () => void turn(job, true) },
          { title: words().delete, icon: "trash", tone: "danger", run: () => void remove(job) },
        ])}
      </div>`,
    },
  ];
}

customElements.define("page-automations", AutomationsPage);
