// The skills that are here, what each of them still needs, and where more come from.

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { copy } from "../../design/copy.ts";
import { confirm } from "../../design/dialog.ts";
import { icon } from "../../design/icons.ts";
import { badge, banner, card, empty, failed, shown, skeleton, type Content, type Tone } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { SkillSearchRow, SkillsStatusResult, SkillsUpdateParams } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { install, isAccepted, upload } from "./install.ts";
import "./skills.css";
import { needsOf, originOf, standingOf, type Skill, type Standing } from "./standing.ts";
import { words } from "./words.ts";

const skills = new Resource(() => gateway.call("skills.status", {}), ["config.changed", "skills.changed"]);

/** What the registry was last asked, and its answer. */
const found = new Signal<{ readonly query: string; readonly rows: readonly SkillSearchRow[] | null; readonly error: Error | null } | null>(null);
const query = new Signal("");

const mayChange = () => gateway.may("operator.admin");

class SkillsPage extends View {
  protected override entered(): (() => void)[] {
    return [skills.follow()];
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead, actions: mayChange() ? actions() : nothing })}
      ${shown(skills, list)}
      ${mayChange() ? card(words().more, registry()) : nothing}
    </div>`;
  }
}

function actions(): Content {
  const isFromRegistry = skills.value?.skills.some(({ integrity }) => integrity && originOf(integrity)) ?? false;
  const pick = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (file) void upload(file).then(() => skills.refresh());
  };
  const browse = (event: Event) => (event.currentTarget as HTMLElement).parentElement?.querySelector("input")?.click();
  return html`${isFromRegistry ? html`<button class="button" type="button" @click=${() => void update({ source: "clawhub", all: true })}>${icon("refresh")}${words().updateAll}</button>` : nothing}
    <span>
      <input class="unseen" type="file" accept=".zip,application/zip" tabindex="-1" aria-label=${words().fromFile} @change=${pick} />
      <button class="button" type="button" @click=${browse}>${icon("file")}${words().fromFile}</button>
    </span>`;
}

function list({ skills: all, managedSkillsDir, workspaceDir }: SkillsStatusResult): Content {
  if (all.length === 0) return html`<section class="card">${empty("skill", words().none, html`${words().noneWhy} <code>${managedSkillsDir}</code>`)}</section>`;
  const order: readonly Standing[] = ["stopped", "missing", "ready", "kept", "off"];
  const sorted = [...(all as readonly Skill[])].sort((a, b) => order.indexOf(standingOf(a)) - order.indexOf(standingOf(b)) || a.name.localeCompare(b.name));
  return html`<section class="card"><ul class="skill-list">${sorted.map(row)}</ul></section>
    <p class="faint small">${words().folders} <code>${managedSkillsDir}</code> <code>${workspaceDir}/skills</code></p>`;
}

const TONES: Record<Standing, Tone> = { ready: "good", missing: "warn", stopped: "bad", off: "calm", kept: "calm" };

function row(skill: Skill): TemplateResult {
  const { name, description, emoji, homepage, skillKey, disabled, integrity } = skill;
  const standing = standingOf(skill);
  const origin = integrity ? originOf(integrity) : null;
  // What somebody put there by hand is theirs to take away.
  const isInstalled = integrity?.origin !== undefined && integrity.origin !== null;
  const turn = (event: Event) => void update({ skillKey, enabled: (event.currentTarget as HTMLInputElement).checked });
  return html`<li>
    <div class="skill-head">
      <h2>${emoji ? html`<span aria-hidden="true">${emoji}</span> ` : nothing}${name}</h2>
      ${badge(TONES[standing], words().standing[standing])}
      <label class="skill-switch"><input type="checkbox" ?disabled=${!mayChange()} .checked=${live(!disabled)} aria-label=${words().onOf(name)} @change=${turn} />${words().on}</label>
    </div>
    <p class="faint" lang="en">${description}</p>
    ${integrity?.problem ? banner("bad", html`<span lang="en">${integrity.problem}</span>`, integrity.state === "flagged" && mayChange() ? html`<button class="button small" type="button" @click=${() => void accept(skill)}>${words().read}</button>` : nothing) : nothing}
    ${standing === "missing" ? missing(skill) : nothing} ${keyField(skill)}
    <div class="skill-foot faint small">
      <span>${skill.source === "openclaw-managed" && !isInstalled ? words().byOwner : (words().sources[skill.source as keyof ReturnType<typeof words>["sources"]] ?? skill.source)}${origin ? ` · ${origin.slug} ${origin.version}` : ""}</span>
      ${homepage && /^https?:/.test(homepage) ? html`<a href=${homepage} target="_blank" rel="noopener noreferrer">${words().homepage}</a>` : nothing}
      <span class="actions">
        ${origin && mayChange() ? html`<button class="button small" type="button" @click=${() => void install({ source: "clawhub", slug: origin.slug }).then(() => skills.refresh())}>${words().update}</button>` : nothing}
        ${isInstalled && mayChange() ? html`<button class="button small danger" type="button" @click=${() => void remove(skill)}>${words().remove}</button>` : nothing}
      </span>
    </div>
  </li>`;
}

function missing({ missing: needs, install: steps }: Skill): TemplateResult {
  const step = ({ label, command }: Skill["install"][number]) => html`<li>${label}${command
    ? html`: <code>${command}</code> <button class="button quiet icon small" type="button" aria-label=${words().copyOf(command)} @click=${() => void copy(command)}>${icon("copy")}</button>`
    : nothing}</li>`;
  return html`<div class="skill-missing">
    <ul>${needsOf(needs).map(([kind, names]) => html`<li>${words().needs[kind]} ${names.map((name) => html`<code>${name}</code> `)}</li>`)}</ul>
    ${steps?.length > 0 ? html`<p class="small faint">${words().byHand}</p><ul class="small">${steps.map(step)}</ul>` : nothing}
  </div>`;
}

/** Where a skill has a key of its own. What is stored is never shown. */
function keyField({ primaryEnv, skillKey, name }: Skill): Content {
  if (!primaryEnv || !mayChange()) return nothing;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const apiKey = String(new FormData(form).get("key") ?? "").trim();
    if (apiKey && (await update({ skillKey, apiKey }, words().keySaved(name)))) form.reset();
  };
  const id = `key-${skillKey}`;
  return html`<form class="skill-key" @submit=${submit}>
    <label for=${id}>${words().key} <code>${primaryEnv}</code></label>
    <div>
      <input id=${id} name="key" type="password" autocomplete="off" spellcheck="false" placeholder=${words().keyHint} />
      <button class="button">${words().keySave}</button>
      <button class="button quiet" type="button" @click=${() => void update({ skillKey, apiKey: "" }, words().keyRemoved(name))}>${words().keyRemove}</button>
    </div>
  </form>`;
}

function registry(): TemplateResult {
  const search = (event: SubmitEvent) => {
    event.preventDefault();
    void ask(query.peek().trim());
  };
  return html`<div class="body skill-registry">
    <form class="skill-search" role="search" @submit=${search}>
      <label class="unseen" for="skill-query">${words().search}</label>
      <input id="skill-query" type="search" required placeholder=${words().searchHint} autocomplete="off" .value=${live(query.value)} @input=${(event: Event) => (query.value = (event.currentTarget as HTMLInputElement).value)} />
      <button class="button">${icon("search")}${words().search}</button>
    </form>
    <p class="faint small">${words().registryHelp}</p>
    ${results()}
  </div>`;
}

function results(): Content {
  const now = found.value;
  if (!now) return nothing;
  if (now.error) return failed(now.error, () => void ask(now.query));
  if (!now.rows) return skeleton(3);
  if (now.rows.length === 0) return html`<p role="status">${words().nothing(now.query)}</p>`;
  const known = new Set(skills.value?.skills.map(({ integrity }) => integrity && originOf(integrity)?.slug));
  return html`<ul class="skill-results">
    ${now.rows.map(
      ({ slug, displayName, summary, version }) => html`<li>
        <div><b>${displayName || slug}</b> <span class="faint small">${slug} ${version ?? ""}</span><p class="faint small" lang="en">${summary ?? ""}</p></div>
        ${known.has(slug)
          ? badge("good", words().here)
          : html`<button class="button small" type="button" @click=${() => void install({ source: "clawhub", slug }).then(() => skills.refresh())}>${icon("download")}${words().install}</button>`}
      </li>`,
    )}
  </ul>`;
}

async function ask(words: string): Promise<void> {
  if (!words) return;
  found.value = { query: words, rows: null, error: null };
  try {
    const { results: rows } = await gateway.call("skills.search", { query: words });
    found.value = { query: words, rows, error: null };
  } catch (error) {
    found.value = { query: words, rows: null, error: error as Error };
  }
}

async function update(params: Partial<SkillsUpdateParams>, done = words().saved): Promise<boolean> {
  const isDone = await attempt(() => gateway.call("skills.update", { all: false, force: false, dryRun: false, ...params }), done);
  await skills.refresh();
  return isDone;
}

async function remove({ name, skillKey }: Skill): Promise<void> {
  if (!(await confirm({ title: words().removeTitle(name), body: words().removeBody, action: words().remove, tone: "danger" }))) return;
  await attempt(() => gateway.call("skills.remove", { skillKey }), words().removed(name));
  await skills.refresh();
}

/** Files that a scan flags are used once somebody read them. */
async function accept({ name, skillKey }: Skill): Promise<void> {
  await attempt(async () => {
    const { hash, findings } = await gateway.call("skills.scan", { skillKey });
    if (await isAccepted(name, findings)) await gateway.call("skills.accept", { skillKey, hash });
  });
  await skills.refresh();
}

customElements.define("page-skills", SkillsPage);
