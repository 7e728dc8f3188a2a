// The form of a job, new or changed.

import { html, nothing, type TemplateResult } from "lit";
import { banner, field, type Content } from "../../design/parts.ts";
import { tell } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { CronJob } from "../../protocol/types.ts";
import { address, go } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { blank, draftOf, faults, KINDS, patchOf, specOf, UNITS, type Draft, type Fault, type Kind } from "./draft.ts";
import { expressionText } from "./shown.ts";
import { jobs } from "./state.ts";
import { words } from "./words.ts";

/** Ready expressions, by the names of their words. */
const READY = { daily: "0 9 * * *", weekdays: "0 9 * * 1-5", weekly: "0 9 * * 1", monthly: "0 9 1 * *", hourly: "0 * * * *" } as const;

const NAME_MAX = 200;

const agents = new Resource(() => gateway.call("agents.list"), ["config.changed"]);
const models = new Resource(() => gateway.call("models.list", { view: "configured" }), ["config.changed"]);
const channels = new Resource(() => gateway.call("channels.status", {}), ["config.changed"]);

class AutomationForm extends View {
  static override properties = { job: { attribute: false } };
  declare job: CronJob | undefined;
  #draft = new Signal<Draft | null>(null);
  #wrong = new Signal<readonly Fault[]>([]);
  #refused = new Signal("");
  #isBusy = new Signal(false);

  protected override entered(): (() => void)[] {
    this.#draft.value = this.job ? draftOf(this.job, Date.now()) : blank(Date.now());
    return [agents.follow(), models.follow(), channels.follow()];
  }

  protected override render(): TemplateResult {
    const draft = this.#draft.value!;
    return html`<form class="card automation-form" novalidate @submit=${this.#save}>
      ${this.#what(draft)} ${this.#when(draft)} ${this.#where(draft)}
      ${this.#refused.value ? html`<div role="alert">${banner("bad", this.#refused.value)}</div>` : nothing}
      <div class="actions end">
        <a class="button" href=${address("automations", this.job?.id ?? "")}>${words().cancel}</a>
        <button class="button main" ?disabled=${this.#isBusy.value}>${this.job ? words().save : words().create}</button>
      </div>
    </form>`;
  }

  #what(draft: Draft): TemplateResult {
    const all = agents.value?.agents ?? [];
    const agent = field(
      { id: "job-agent", label: words().agent },
      html`<select id="job-agent" @change=${this.#set("agentId")}>
        ${option("", words().defaultAgent, draft.agentId)} ${all.map(({ id, name }) => option(id, name ?? id, draft.agentId))}
      </select>`,
    );
    return group(
      words().what,
      html`${this.#text("name", { label: words().name, help: words().nameHelp })}
        ${field(
          { id: "job-text", label: words().text, help: words().textHelp, wrong: this.#fault("text") },
          html`<textarea id="job-text" rows="4" .value=${draft.text} aria-invalid=${this.#invalid("text")} aria-describedby="job-text-help" @input=${this.#set("text")}></textarea>`,
        )}
        ${all.length > 1 ? agent : nothing}`,
    );
  }

  #when(draft: Draft): TemplateResult {
    const radio = (kind: Kind) => html`<label>
      <input type="radio" name="kind" value=${kind} .checked=${draft.kind === kind} @change=${() => this.#put({ kind })} />${words().kinds[kind]}
    </label>`;
    const fields: Record<Kind, () => TemplateResult> = { cron: () => this.#cron(draft), every: () => this.#every(draft), at: () => this.#at(draft) };
    return group(words().when, html`<div class="choices" role="radiogroup" aria-label=${words().when}>${KINDS.map(radio)}</div>${fields[draft.kind]()}`);
  }

  #cron(draft: Draft): TemplateResult {
    const ready = Object.entries(READY) as [keyof typeof READY, string][];
    return html`<div class="actions">
        ${ready.map(([name, expr]) => html`<button class="button small" type="button" aria-pressed=${draft.expr === expr} @click=${() => this.#put({ expr })}>${words().ready[name]}</button>`)}
      </div>
      <div class="pair">
        ${this.#text("expr", { label: words().expression, help: expressionText(draft.expr) ?? words().expressionHelp }, "code")}
        ${this.#zone(words().agentsZone)}
      </div>`;
  }

  #every(draft: Draft): TemplateResult {
    const units = Object.keys(UNITS) as Draft["unit"][];
    return html`<div class="pair">
      ${this.#text("amount", { label: words().interval }, "", "decimal")}
      ${field(
        { id: "job-unit", label: words().unit },
        html`<select id="job-unit" @change=${this.#set("unit")}>${units.map((unit) => option(unit, words().units[unit], draft.unit))}</select>`,
      )}
    </div>`;
  }

  #at(draft: Draft): TemplateResult {
    return html`<div class="pair">
        ${field(
          { id: "job-at", label: words().time, wrong: this.#fault("at") ?? this.#fault("past") },
          html`<input id="job-at" type="datetime-local" .value=${draft.at} aria-invalid=${this.#wrong.value.some((one) => one === "at" || one === "past") ? "true" : nothing} @input=${this.#set("at")} />`,
        )}
        ${this.#zone()}
      </div>
      <label class="check"><input type="checkbox" .checked=${draft.keep} @change=${(event: Event) => this.#put({ keep: (event.target as HTMLInputElement).checked })} />${words().keep}</label>`;
  }

  #zone(help?: string): TemplateResult {
    return html`${this.#text("zone", { label: words().zone, help }, "", "text", "job-zones")}
      <datalist id="job-zones">${Intl.supportedValuesOf("timeZone").map((zone) => html`<option value=${zone}></option>`)}</datalist>`;
  }

  #where(draft: Draft): TemplateResult {
    const known = channels.value;
    const names = [...new Set([...(known?.channelOrder ?? []), ...(["none", "last"].includes(draft.place) ? [] : [draft.place])])];
    const targets = [...new Set(["isolated", "main", draft.target])];
    const modelNames = [...new Set([...(models.value?.models ?? []).map(({ provider, id }) => `${provider}/${id}`), ...(draft.model ? [draft.model] : [])])];
    const isTurn = draft.target !== "main";
    return group(
      words().where,
      html`<div class="pair">
          ${field(
            { id: "job-target", label: words().target, help: targetHelp(draft.target) },
            html`<select id="job-target" aria-describedby="job-target-help" @change=${this.#set("target")}>
              ${targets.map((target) => option(target, targetName(target), draft.target))}
            </select>`,
          )}
          ${field(
            { id: "job-place", label: words().place, help: draft.place === "none" ? words().placeHelp : nothing },
            html`<select id="job-place" @change=${this.#set("place")}>
              ${option("none", words().places.none, draft.place)} ${option("last", words().places.last, draft.place)}
              ${names.map((name) => option(name, known?.channelLabels[name] ?? name, draft.place))}
            </select>`,
          )}
          ${names.includes(draft.place) ? this.#text("to", { label: words().to, help: words().toHelp }) : nothing}
        </div>
        ${isTurn
          ? html`<div class="pair">
              ${field(
                { id: "job-model", label: words().model },
                html`<select id="job-model" @change=${this.#set("model")}>
                  ${option("", words().ownModel, draft.model)} ${modelNames.map((name) => option(name, name, draft.model))}
                </select>`,
              )}
              ${this.#text("timeoutSeconds", { label: words().limit, help: words().limitHelp }, "", "numeric")}
            </div>`
          : nothing}`,
    );
  }

  /** A field of one line, of that name in the draft. */
  #text(name: "name" | "expr" | "amount" | "zone" | "to" | "timeoutSeconds", { label, help }: { label: string; help?: Content | undefined }, looks = "", mode = "text", list?: string): TemplateResult {
    const id = `job-${name}`;
    return field(
      { id, label, ...(help ? { help } : {}), wrong: name === "to" ? undefined : this.#fault(name) },
      html`<input
        id=${id}
        class=${looks}
        inputmode=${mode}
        autocomplete="off"
        spellcheck=${name === "name"}
        maxlength=${NAME_MAX}
        list=${list ?? nothing}
        .value=${this.#draft.value![name]}
        aria-invalid=${name === "to" ? nothing : this.#invalid(name)}
        aria-describedby=${help ? `${id}-help` : nothing}
        @input=${this.#set(name)}
      />`,
    );
  }

  #fault(name: Fault): string | undefined {
    return this.#wrong.value.includes(name) ? words().faults[name] : undefined;
  }

  #invalid(name: Fault): "true" | typeof nothing {
    return this.#wrong.value.includes(name) ? "true" : nothing;
  }

  #set = (name: keyof Draft) => (event: Event) => this.#put({ [name]: (event.target as HTMLInputElement).value });

  #put(change: Partial<Draft>): void {
    const draft = { ...this.#draft.value!, ...change };
    this.#draft.value = draft;
    // What was said to be wrong goes when it is mended; nothing new is said while somebody types.
    if (this.#wrong.value.length > 0) {
      const left = faults(draft, Date.now(), this.job);
      this.#wrong.value = this.#wrong.value.filter((fault) => left.includes(fault));
    }
  }

  #save = async (event: SubmitEvent) => {
    event.preventDefault();
    const draft = this.#draft.value!;
    this.#refused.value = "";
    this.#wrong.value = faults(draft, Date.now(), this.job);
    if (this.#wrong.value.length > 0) {
      await this.updateComplete;
      this.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
      return;
    }
    this.#isBusy.value = true;
    try {
      const { job } = this;
      const saved = job ? await gateway.call("cron.update", { id: job.id, patch: patchOf(draft, job) }) : await gateway.call("cron.add", specOf(draft));
      tell(words().saved(saved.name));
      await jobs.refresh();
      go(address("automations", saved.id), { replace: true });
    } catch (error) {
      this.#refused.value = (error as Error).message;
    } finally {
      this.#isBusy.value = false;
    }
  };
}

function group(title: string, body: TemplateResult): TemplateResult {
  return html`<fieldset>
    <legend>${title}</legend>
    ${body}
  </fieldset>`;
}

function option(value: string, title: string, current: string): TemplateResult {
  return html`<option value=${value} ?selected=${value === current}>${title}</option>`;
}

function targetName(target: string): string {
  return target === "isolated" || target === "main" ? words().targets[target] : target.replace(/^session:/, "");
}

function targetHelp(target: string): string {
  return target === "main" ? words().mainHelp : target === "isolated" ? words().isolatedHelp : "";
}

customElements.define("automation-form", AutomationForm);
