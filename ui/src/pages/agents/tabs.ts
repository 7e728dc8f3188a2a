// Of one agent: who it is and which model it asks, its tools, its skills, and where it answers.

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { confirm } from "../../design/dialog.ts";
import { badge, banner, card, empty, field, shown, table, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { changeConfig } from "../../gateway/change-config.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { AgentRow, AgentUpdateParams, SkillRow, ToolGroup, ToolsCatalogResult, ToolsEffectiveResult } from "../../protocol/types.ts";
import { address, go } from "../../shell/router.ts";
import { at } from "../../state/tree.ts";
import { agents, channels, file, models, type About } from "./about.ts";
import { bindingsOf, entryOf, withBinding, withEntry, withoutBinding, withSkill, withTool, type Binding, type ToolRules } from "./settings.ts";
import { words } from "./words.ts";

const mayChange = () => gateway.may("operator.admin");

/** What is typed here stays when something else on the page changes: values are set once, and again when they are others. */
export function identityTab(agent: AgentRow): TemplateResult {
  const ownModel = at(entryOf(file.value, agent.id), ["model"]);
  const own = typeof ownModel === "string" ? ownModel : String(at(ownModel, ["primary"]) ?? "");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void update(agent, new FormData(event.currentTarget as HTMLFormElement), own);
  };
  return html`<form class="card" @submit=${submit}>
      <fieldset class="body agent-form" ?disabled=${!mayChange()}>
        <legend class="unseen">${words().identity}</legend>
        ${field({ id: "agent-name", label: words().name }, html`<input id="agent-name" name="name" required maxlength="200" autocomplete="off" .value=${agent.name ?? agent.id} />`)}
        ${field({ id: "agent-emoji", label: words().emoji, help: words().emojiHelp }, html`<input id="agent-emoji" name="emoji" maxlength="32" autocomplete="off" .value=${agent.identity?.emoji ?? ""} />`)}
        ${field({ id: "agent-avatar", label: words().avatar, help: words().avatarHelp }, html`<input id="agent-avatar" name="avatar" maxlength="1000" autocomplete="off" .value=${agent.identity?.avatar ?? ""} />`)}
        ${field({ id: "agent-model", label: words().model, help: agent.model?.fallbacks?.length ? words().fallbacks(agent.model.fallbacks.join(", ")) : nothing }, modelPicker("agent-model", own))}
        ${field({ id: "agent-workspace", label: words().workspace, help: words().workspaceHelp }, html`<input id="agent-workspace" name="workspace" maxlength="1000" spellcheck="false" autocomplete="off" .value=${agent.workspace ?? ""} />`)}
        <div class="actions"><button class="button main">${words().save}</button></div>
      </fieldset>
    </form>
    ${card(words().removeHeading, html`<div class="body agent-remove"><p>${words().removeWhat}</p>
      <button class="button danger" type="button" ?disabled=${!mayChange()} @click=${() => void remove(agent)}>${words().remove}</button></div>`)}`;
}

/** Every model that can be named; the first choice is that of all agents. */
export function modelPicker(id: string, chosen: string): TemplateResult {
  const known = (models.value?.models ?? []).map((model) => ({ id: `${model.provider}/${model.id}`, isReady: model.available }));
  const ready = known.filter(({ isReady }) => isReady).map((model) => model.id);
  const all = chosen === "" || ready.includes(chosen) ? ready : [chosen, ...ready];
  return html`<select id=${id} name="model">
    <option value="" .selected=${chosen === ""}>${words().modelOfAll}</option>
    ${all.map((one) => html`<option value=${one} .selected=${one === chosen}>${one}</option>`)}
  </select>`;
}

async function update(agent: AgentRow, form: FormData, ownModel: string): Promise<void> {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const params: AgentUpdateParams = { agentId: agent.id };
  if (text("name") !== (agent.name ?? agent.id)) params.name = text("name");
  if (text("emoji") !== (agent.identity?.emoji ?? "")) params.emoji = text("emoji");
  if (text("avatar") !== (agent.identity?.avatar ?? "")) params.avatar = text("avatar");
  if (text("model") !== ownModel) params.model = text("model") || null;
  if (text("workspace") !== (agent.workspace ?? "") && text("workspace") !== "") params.workspace = text("workspace");
  await attempt(() => gateway.call("agents.update", params), words().saved);
  await Promise.all([agents.refresh(), file.refresh()]);
}

async function remove(agent: AgentRow): Promise<void> {
  const name = agent.name ?? agent.id;
  if (!(await confirm({ title: words().removeTitle(name), body: words().removeBody, action: words().remove, tone: "danger" }))) return;
  if (!(await attempt(() => gateway.call("agents.delete", { agentId: agent.id }), words().removed(name)))) return;
  go(address("agents"));
  await agents.refresh();
}

export function toolsTab(about: About): Content {
  return shown(about.catalog, (catalog) => shown(about.effective, (effective) => tools(about, catalog, effective)));
}

function tools(about: About, { groups, profiles }: ToolsCatalogResult, effective: ToolsEffectiveResult): TemplateResult {
  const usable = new Set(effective.groups.flatMap((group) => group.tools.map(({ id }) => id)));
  const own = String(at(entryOf(file.value, about.id), ["tools", "profile"]) ?? "");
  const pick = (event: Event) => void change(about, (tree) => withEntry(tree, about.id, ["tools", "profile"], (event.target as HTMLSelectElement).value || undefined));
  const profile = html`<select id="agent-profile" ?disabled=${!mayChange()} @change=${pick}>
    <option value="" .selected=${live(own === "")}>${words().profileOfAll(own === "" ? effective.profile : "")}</option>
    ${profiles.map(({ id }) => html`<option value=${id} .selected=${live(id === own)}>${words().profiles[id as keyof ReturnType<typeof words>["profiles"]] ?? id}</option>`)}
  </select>`;
  return html`<section class="card"><div class="body">${field({ id: "agent-profile", label: words().profile, help: words().profileHelp }, profile)}</div></section>
    <div class="columns">${groups.map((group) => toolGroup(about, group, usable, effective.profile))}</div>`;
}

function toolGroup(about: About, { label, tools: all }: ToolGroup, usable: ReadonlySet<string>, profile: string): TemplateResult {
  return card(label, html`<ul class="agent-switches">
    ${all.map(({ id, label: name, description, defaultProfiles }) => toggle(`tool-${id}`, html`<code>${name}</code>`, description, usable.has(id), (isOn) => {
      const path = ["tools"] as const;
      return change(about, (tree) => withEntry(tree, about.id, path, withTool((at(entryOf(tree, about.id), path) ?? {}) as ToolRules, id, isOn, defaultProfiles.includes(profile))));
    }))}
  </ul>`);
}

export function skillsTab(about: About): Content {
  return shown(about.skills, ({ skills }) => {
    if (skills.length === 0) return html`<section class="card">${empty("skill", words().noSkills, words().noSkillsWhy)}</section>`;
    const chosen = at(entryOf(file.value, about.id), ["skills"]) as readonly string[] | undefined;
    const names = skills.map(({ name }) => name);
    return html`<section class="card">
      <ul class="agent-switches">
        ${skills.map((skill) => toggle(`skill-${skill.skillKey}`, html`${skill.emoji ?? ""} ${skill.name} ${standing(skill)}`, skill.description, !chosen || chosen.includes(skill.name), (isOn) =>
          change(about, (tree) => withEntry(tree, about.id, ["skills"], withSkill(at(entryOf(tree, about.id), ["skills"]) as string[] | undefined, names, skill.name, isOn)))))}
      </ul>
    </section>`;
  });
}

function standing({ disabled, eligible }: SkillRow): Content {
  if (disabled) return badge("calm", words().skillOff);
  return eligible ? nothing : html`<a href=${address("skills")}>${badge("warn", words().skillMissing)}</a>`;
}

function toggle(id: string, name: Content, description: string, isOn: boolean, act: (isOn: boolean) => Promise<unknown>): TemplateResult {
  return html`<li>
    <input id=${id} type="checkbox" ?disabled=${!mayChange()} .checked=${live(isOn)} aria-describedby="${id}-what" @change=${(event: Event) => void act((event.target as HTMLInputElement).checked)} />
    <div><label for=${id}>${name}</label><p id="${id}-what" class="faint small" lang="en">${description}</p></div>
  </li>`;
}

export function bindingsTab(about: About): Content {
  const own = bindingsOf(file.value).filter(({ agentId }) => agentId.toLowerCase() === about.id);
  const columns = [
    { title: words().channel, show: ({ match }: Binding) => labelOf(match.channel) },
    { title: words().account, show: ({ match }: Binding) => match.accountId ?? words().any },
    { title: words().where, show: (binding: Binding) => placeOf(binding) },
    {
      title: "",
      side: "end" as const,
      show: (binding: Binding) => html`<button class="button small danger" type="button" ?disabled=${!mayChange()} @click=${() => void change(about, (tree) => withoutBinding(tree, binding))}>${words().take}</button>`,
    },
  ];
  return html`${card(words().bindings, own.length > 0 ? table(words().bindings, columns, own) : empty("channel", words().noBindings, words().noBindingsWhy))} ${addBinding(about)}`;
}

function addBinding(about: About): Content {
  const known = channels.value?.channelOrder ?? [];
  if (known.length === 0) return banner("warn", words().noChannels);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = (name: string) => String(new FormData(form).get(name) ?? "").trim();
    const [accountId, id] = [text("account"), text("peer")];
    const peer = id ? { peer: { kind: text("kind"), id } } : {};
    const match = { channel: text("channel"), ...(accountId ? { accountId } : {}), ...peer };
    if (await change(about, (tree) => withBinding(tree, { agentId: about.id, match }))) form.reset();
  };
  const kinds = ["direct", "group", "channel"] as const;
  return card(
    words().addBinding,
    html`<form class="body" @submit=${submit}>
      <fieldset class="agent-form" ?disabled=${!mayChange()}>
        <legend class="unseen">${words().addBinding}</legend>
        ${field({ id: "bind-channel", label: words().channel }, html`<select id="bind-channel" name="channel">${known.map((one) => html`<option value=${one}>${labelOf(one)}</option>`)}</select>`)}
        ${field({ id: "bind-account", label: words().account, help: words().accountHelp }, html`<input id="bind-account" name="account" autocomplete="off" spellcheck="false" />`)}
        ${field({ id: "bind-kind", label: words().kind }, html`<select id="bind-kind" name="kind">${kinds.map((kind) => html`<option value=${kind}>${words().kinds[kind]}</option>`)}</select>`)}
        ${field({ id: "bind-peer", label: words().peer, help: words().peerHelp }, html`<input id="bind-peer" name="peer" autocomplete="off" spellcheck="false" />`)}
        <div class="actions"><button class="button">${words().addBinding}</button></div>
      </fieldset>
    </form>`,
  );
}

function labelOf(channel: string): string {
  return channels.value?.channelLabels[channel] ?? channel;
}

function placeOf({ match: { peer, guildId, teamId, roles } }: Binding): string {
  const kind = peer && (words().kinds[peer.kind as "direct" | "group" | "channel"] ?? peer.kind);
  const parts = [peer && `${kind} ${peer.id}`, guildId, teamId, roles?.join(", ")].filter(Boolean);
  return parts.length > 0 ? parts.join(" · ") : words().any;
}

async function change(about: About, edit: Parameters<typeof changeConfig>[0]): Promise<boolean> {
  const isDone = await attempt(() => changeConfig(edit), words().saved);
  await Promise.all([file.refresh(), about.effective.refresh(), about.skills.refresh()]);
  return isDone;
}
