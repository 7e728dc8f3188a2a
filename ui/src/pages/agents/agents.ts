// The agents of the gateway: a list of them, and one that is looked at.

import { html, nothing, type TemplateResult } from "lit";
import { open } from "../../design/dialog.ts";
import { icon } from "../../design/icons.ts";
import { badge, empty, field, shown, table, tabs, type Column, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { words as parts } from "../../design/words.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { AgentCreateParams, AgentRow, AgentsListResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address, go, place } from "../../shell/router.ts";
import { effect, Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { About, agents, channels, file, models } from "./about.ts";
import "./agents.css";
import { filesTab, hasUnsaved } from "./files.ts";
import { bindingsTab, identityTab, modelPicker, skillsTab, toolsTab } from "./tabs.ts";
import { words } from "./words.ts";

const TABS = ["identity", "files", "tools", "skills", "bindings"] as const;
type TabName = (typeof TABS)[number];

class AgentsPage extends View {
  #about = new Signal<About | null>(null);
  #tab = new Signal<TabName>("identity");

  protected override entered(): (() => void)[] {
    const warn = (event: BeforeUnloadEvent) => hasUnsaved() && event.preventDefault();
    addEventListener("beforeunload", warn);
    let stop: () => void = () => {};
    const endLook = effect(() => {
      const id = place.value.page.name === "agents" ? place.value.rest : "";
      if (id === (this.#about.peek()?.id ?? "")) return;
      stop();
      const about = id ? new About(id) : null;
      stop = about?.follow() ?? (() => {});
      this.#about.value = about;
    });
    const stops = [agents, models, file, channels].map((resource) => resource.follow());
    return [...stops, endLook, () => stop(), () => (this.#about.value = null), () => removeEventListener("beforeunload", warn)];
  }

  protected override render(): TemplateResult {
    const about = this.#about.value;
    return html`<div class="page">${about ? shown(agents, (all) => this.#one(about, all)) : list()}</div>`;
  }

  #one(about: About, { agents: all, defaultId }: AgentsListResult): TemplateResult {
    const agent = all.find(({ id }) => id === about.id);
    if (!agent) return html`${pageHeader({ title: words().title })}${empty("agent", words().unknown, words().unknownWhy(about.id), html`<a class="button" href=${address("agents")}>${words().back}</a>`)}`;
    return html`<a class="agent-back" href=${address("agents")}>${icon("chevron")}${words().back}</a>
      ${pageHeader({ title: [agent.identity?.emoji, agent.name ?? agent.id].filter(Boolean).join(" "), lead: leadOf(agent, defaultId) })}
      ${tabs(words().title, TABS.map((id) => ({ id, title: words().tabs[id] })), this.#tab.value, (id) => (this.#tab.value = id as TabName))}
      ${this.#shown(about, agent)}`;
  }

  #shown(about: About, agent: AgentRow): Content {
    switch (this.#tab.value) {
      case "identity":
        return identityTab(agent);
      case "files":
        return filesTab(about);
      case "tools":
        return toolsTab(about);
      case "skills":
        return skillsTab(about);
      case "bindings":
        return bindingsTab(about);
    }
  }
}

function leadOf({ id, model }: AgentRow, defaultId: string): string {
  return [id, model?.primary, id === defaultId ? words().isDefault : ""].filter(Boolean).join(" · ");
}

function list(): TemplateResult {
  const add = gateway.may("operator.admin") ? html`<button class="button main" type="button" @click=${() => void create()}>${icon("plus")}${words().create}</button>` : nothing;
  return html`${pageHeader({ title: words().title, lead: words().lead, actions: add })}
    ${shown(agents, ({ agents: all, defaultId }) => html`<section class="card">${table(words().title, columns(defaultId), all)}</section>`)}`;
}

function columns(defaultId: string): Column<AgentRow>[] {
  return [
    {
      title: words().name,
      show: ({ id, name, identity }) => html`<a class="agent-link" href=${address("agents", id)}>${identity?.emoji ? html`<span aria-hidden="true">${identity.emoji}</span> ` : nothing}${name ?? id}</a>
        ${id === defaultId ? badge("good", words().isDefault) : nothing}`,
    },
    { title: words().id, show: ({ id }) => html`<code>${id}</code>` },
    { title: words().model, show: ({ model }) => model?.primary ?? words().modelOfAll },
    { title: words().workspace, show: ({ workspace }) => html`<span class="faint small">${workspace ?? ""}</span>` },
  ];
}

async function create(): Promise<void> {
  const wanted = await open<AgentCreateParams>({ label: words().create }, (close) => {
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget as HTMLFormElement);
      const [name, emoji, model] = ["name", "emoji", "model"].map((key) => String(form.get(key) ?? "").trim());
      close({ name: name!, ...(emoji ? { emoji } : {}), ...(model ? { model } : {}) });
    };
    return html`<form @submit=${submit}>
      <h2>${words().create}</h2>
      ${field({ id: "new-name", label: words().name, help: words().nameHelp }, html`<input id="new-name" name="name" required maxlength="200" pattern=".*[A-Za-z0-9].*" autocomplete="off" autofocus />`)}
      ${field({ id: "new-emoji", label: words().emoji }, html`<input id="new-emoji" name="emoji" maxlength="32" autocomplete="off" />`)}
      ${field({ id: "new-model", label: words().model }, modelPicker("new-model", ""))}
      <div class="actions end">
        <button class="button" type="button" @click=${() => close()}>${parts().cancel}</button>
        <button class="button main">${words().create}</button>
      </div>
    </form>`;
  });
  if (!wanted) return;
  await attempt(async () => {
    const { agentId } = await gateway.call("agents.create", wanted);
    await agents.refresh();
    go(address("agents", agentId));
  }, words().created(wanted.name));
}

customElements.define("page-agents", AgentsPage);
