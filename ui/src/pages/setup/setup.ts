// Everything that a fresh gateway needs before it is of use: a model, a way to reach it, a character. Nobody edits a file.

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { badge, banner, card, field, shown, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { AgentFile, ChannelProbe, ChannelsStatusResult, ModelsAuthStatusResult } from "../../protocol/types.ts";
import { later } from "../../shell/first-visit.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { TrialError, tryChannel, tryModel } from "./check.ts";
import { CHANNELS, discordInvite, VENDORS, type ChannelName } from "./plan.ts";
import "./setup.css";
import { words } from "./words.ts";

/** How a check goes. */
interface Trial<T> {
  readonly isRunning: boolean;
  readonly result: T | null;
  readonly error: Error | null;
}

const IDLE = { isRunning: false, result: null, error: null };

/** What the built-in guide answers as. */
const GUIDE = "chela/guide";

const models = new Resource(() => gateway.call("models.authStatus"), ["config.changed"]);
const channels = new Resource(() => gateway.call("channels.status", {}), ["config.changed"]);
const persona = new Resource(loadPersona);

const vendorId = new Signal(VENDORS[0]!.id);
const channelName = new Signal<ChannelName>("telegram");
const modelTrial = new Signal<Trial<string>>(IDLE);
const channelTrial = new Signal<Trial<{ readonly probe: ChannelProbe; readonly link: string | null }>>(IDLE);

class SetupPage extends View {
  protected override entered(): (() => void)[] {
    return [models, channels, persona].map((resource) => resource.follow());
  }

  protected override render(): TemplateResult {
    return html`<div class="page setup">
      ${pageHeader({ title: words().title, lead: words().lead })}
      ${gateway.may("operator.admin") ? html`${modelStep()} ${channelStep()} ${personaStep()}` : banner("warn", words().noRights)}
      <div class="actions">
        <a class="button main" href=${address("chat")} @click=${later}>${words().start}</a>
        <button class="button quiet" type="button" @click=${leave}>${words().later}</button>
      </div>
    </div>`;
  }
}

function leave(): void {
  later();
  go(address("chat"));
}

function step(number: number, title: string, state: Content, body: Content): TemplateResult {
  return card(html`<span class="setup-number" aria-hidden="true">${number}</span>${title}`, body, state);
}

function modelStep(): TemplateResult {
  const now = models.value;
  const isThere = isConfigured(now);
  return step(1, words().model, isThere ? badge("good", words().ready) : badge("warn", words().missing), shown(models, modelForm));
}

function isConfigured(now: ModelsAuthStatusResult | undefined): boolean {
  return now?.model !== undefined && now.model !== null && now.model !== GUIDE;
}

function modelForm(now: ModelsAuthStatusResult): TemplateResult {
  const vendor = VENDORS.find(({ id }) => id === vendorId.value)!;
  const { isRunning, result, error } = modelTrial.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = (name: string) => String(new FormData(form).get(name) ?? "").trim();
    void run(modelTrial, async () => {
      const model = await tryModel({ vendor, key: text("key"), baseUrl: text("baseUrl"), model: text("model") });
      form.reset();
      await models.refresh();
      return model;
    });
  };
  return html`<form class="body setup-form" @submit=${submit}>
    <p class="faint">${isConfigured(now) ? words().modelNow(now.model ?? "") : words().modelWhy}</p>
    ${field({ id: "setup-vendor", label: words().vendor }, html`<select id="setup-vendor" @change=${(event: Event) => (vendorId.value = (event.currentTarget as HTMLSelectElement).value)}>
      ${VENDORS.map(({ id, name }) => html`<option value=${id} .selected=${live(id === vendorId.value)}>${name || words().ownServer}</option>`)}
    </select>`)}
    ${vendor.isOwn ? field({ id: "setup-url", label: words().baseUrl, help: words().baseUrlHelp }, html`<input id="setup-url" name="baseUrl" type="url" required placeholder="http://127.0.0.1:11434/v1" spellcheck="false" autocomplete="off" />`) : nothing}
    ${field(
      { id: "setup-key", label: vendor.isOwn ? words().keyOptional : words().key, help: vendor.keys ? html`<a href=${vendor.keys} target="_blank" rel="noopener noreferrer">${words().getKey(vendor.name)}</a>` : nothing },
      html`<input id="setup-key" name="key" type="password" ?required=${!vendor.isOwn} autocomplete="off" spellcheck="false" />`,
    )}
    ${field({ id: "setup-model", label: vendor.isOwn ? words().modelName : words().modelOptional, help: vendor.isOwn ? nothing : words().modelHelp }, html`<input id="setup-model" name="model" ?required=${vendor.isOwn ?? false} autocomplete="off" spellcheck="false" />`)}
    <div class="actions"><button class="button main" ?disabled=${isRunning}>${isRunning ? words().testing : words().testModel}</button></div>
    <div role="status">${result ? html`<p>${badge("good", words().modelAnswers(result))}</p>` : nothing}</div>
    ${error ? failure(error, words().modelFailed) : nothing}
  </form>`;
}

function channelStep(): TemplateResult {
  const isThere = Object.values(channels.value?.channels ?? {}).some((account) => account.enabled && account.configured);
  return step(2, words().channel, isThere ? badge("good", words().ready) : badge("calm", words().optional), shown(channels, channelForm));
}

function channelForm({ channels: known, channelLabels }: ChannelsStatusResult): TemplateResult {
  const channel = channelName.value;
  const { isRunning, result, error } = channelTrial.value;
  const names = { telegram: "Telegram", discord: "Discord" };
  const there = Object.entries(known).filter(([, account]) => account.enabled && account.configured).map(([name]) => channelLabels[name] ?? name);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = String(new FormData(form).get("token") ?? "").trim();
    void run(channelTrial, async () => {
      const probe = await tryChannel(channel, token);
      form.reset();
      await channels.refresh();
      return { probe, link: linkTo(channel, token, probe) };
    });
  };
  const pick = (event: Event) => {
    channelName.value = (event.currentTarget as HTMLSelectElement).value as ChannelName;
    channelTrial.value = IDLE;
  };
  return html`<form class="body setup-form" @submit=${submit}>
    <p class="faint">${there.length > 0 ? words().channelsNow(there.join(", ")) : words().channelWhy}</p>
    ${field({ id: "setup-channel", label: words().platform }, html`<select id="setup-channel" @change=${pick}>${CHANNELS.map((one) => html`<option value=${one} .selected=${live(one === channel)}>${names[one]}</option>`)}</select>`)}
    ${field({ id: "setup-token", label: words().token, help: words().tokenHelp[channel] }, html`<input id="setup-token" name="token" type="password" required autocomplete="off" spellcheck="false" />`)}
    <div class="actions"><button class="button main" ?disabled=${isRunning}>${isRunning ? words().testing : words().testChannel}</button></div>
    <div role="status">${result ? reached(result.probe, result.link) : nothing}</div>
    ${error ? failure(error, words().channelFailed) : nothing}
  </form>`;
}

function failure(error: Error, what: string): TemplateResult {
  const fate = error instanceof TrialError ? (error.isUndone ? words().notKept : words().stillThere) : "";
  return banner("bad", html`<b>${what}</b> ${fate} <span class="setup-why">${error.message}</span>`);
}

function reached({ identity, warnings }: ChannelProbe, link: string | null): TemplateResult {
  return html`<p>${badge("good", words().channelAnswers(identity ?? ""))}</p>
    ${warnings.map((warning) => banner("warn", html`<span lang="en">${warning}</span>`))}
    ${link ? html`<p><a href=${link} target="_blank" rel="noopener noreferrer">${words().openBot}</a></p>` : nothing}
    <p>${words().pairing} <a href=${address("channels")}>${words().pairingLink}</a></p>`;
}

function linkTo(channel: ChannelName, token: string, { identity }: ChannelProbe): string | null {
  if (channel === "discord") return discordInvite(token);
  const name = identity?.match(/@?(\w{4,})/)?.[1];
  return name ? `https://t.me/${name}` : null;
}

interface Persona {
  readonly agentId: string;
  readonly name: string;
  readonly emoji: string;
  readonly soul: AgentFile;
  readonly user: AgentFile;
}

async function loadPersona(): Promise<Persona> {
  const { agents, defaultId } = await gateway.call("agents.list");
  const agent = agents.find(({ id }) => id === defaultId);
  const get = (name: string) => gateway.call("agents.files.get", { agentId: defaultId, name }).then(({ file }) => file);
  const [soul, user] = await Promise.all([get("SOUL.md"), get("USER.md")]);
  return { agentId: defaultId, name: agent?.name ?? "", emoji: agent?.identity?.emoji ?? "", soul, user };
}

function personaStep(): TemplateResult {
  return step(3, words().persona, badge("calm", words().optional), shown(persona, personaForm));
}

function personaForm(now: Persona): TemplateResult {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void savePersona(now, new FormData(event.currentTarget as HTMLFormElement));
  };
  return html`<form class="body setup-form" @submit=${submit}>
    <p class="faint">${words().personaWhy}</p>
    <div class="columns">
      ${field({ id: "setup-name", label: words().name }, html`<input id="setup-name" name="name" required maxlength="200" autocomplete="off" .value=${now.name} />`)}
      ${field({ id: "setup-emoji", label: words().emoji }, html`<input id="setup-emoji" name="emoji" maxlength="32" autocomplete="off" .value=${now.emoji} />`)}
    </div>
    ${field({ id: "setup-soul", label: words().soul, help: words().soulHelp }, html`<textarea id="setup-soul" name="soul" rows="6" .value=${now.soul.content ?? ""}></textarea>`)}
    ${field({ id: "setup-user", label: words().user, help: words().userHelp }, html`<textarea id="setup-user" name="user" rows="4" .value=${now.user.content ?? ""}></textarea>`)}
    <div class="actions"><button class="button main">${words().save}</button></div>
  </form>`;
}

async function savePersona(now: Persona, form: FormData): Promise<void> {
  const text = (name: string) => String(form.get(name) ?? "");
  const { agentId, soul, user } = now;
  await attempt(async () => {
    const [name, emoji] = [text("name").trim(), text("emoji").trim()];
    const changes = { ...(name === now.name ? {} : { name }), ...(emoji === now.emoji ? {} : { emoji }) };
    if (Object.keys(changes).length > 0) await gateway.call("agents.update", { agentId, ...changes });
    for (const [file, written] of [[soul, text("soul")], [user, text("user")]] as const) {
      if (written.replaceAll("\r\n", "\n") === (file.content ?? "")) continue;
      const expected = file.hash === undefined ? {} : { expectedHash: file.hash };
      await gateway.call("agents.files.set", { agentId, name: file.name, content: written.replaceAll("\r\n", "\n"), ...expected });
    }
  }, words().personaSaved);
  await persona.refresh();
}

async function run<T>(trial: Signal<Trial<T>>, act: () => Promise<T>): Promise<void> {
  trial.value = { isRunning: true, result: null, error: null };
  try {
    trial.value = { isRunning: false, result: await act(), error: null };
  } catch (error) {
    trial.value = { isRunning: false, result: null, error: error as Error };
  }
}

customElements.define("page-setup", SetupPage);
