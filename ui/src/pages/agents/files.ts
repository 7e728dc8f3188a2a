// The files of an agent's folder that tell it what to do: read, written, and saved unless somebody else was faster.

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { confirm } from "../../design/dialog.ts";
import { banner, badge, empty, shown, skeleton, type Content } from "../../design/parts.ts";
import { attempt, complain, tell } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { RequestError } from "../../gateway/request-error.ts";
import { bytes } from "../../i18n/format.ts";
import type { AgentFile, AgentFilesResult } from "../../protocol/types.ts";
import { Signal } from "../../state/signal.ts";
import type { About } from "./about.ts";
import { words } from "./words.ts";

/** The file that is open, as it was read and as it is written now. */
interface Open {
  readonly agentId: string;
  readonly file: AgentFile;
  readonly text: string;
  readonly isOvertaken: boolean;
}

const opened = new Signal<Open | null>(null);
const loading = new Signal("");

export function hasUnsaved(): boolean {
  return isChanged(opened.peek());
}

export function filesTab(about: About): Content {
  return shown(about.files, (list) => html`<div class="agent-files">
    <nav class="card agent-file-list" aria-label=${words().files}>
      <ul>${list.files.map((file) => entry(about, file))}</ul>
    </nav>
    ${editor(about, list)}
  </div>`);
}

function entry(about: About, { name, missing, size }: AgentFile): TemplateResult {
  const isOpen = current(about)?.file.name === name;
  return html`<li>
    <button type="button" aria-current=${isOpen ? "true" : nothing} @click=${() => void turnTo(about, name)}>
      <span>${name}</span><small class="faint">${missing ? words().notThere : size === undefined ? "" : bytes(size)}</small>
    </button>
  </li>`;
}

function editor(about: About, { workspace }: AgentFilesResult): Content {
  const open = current(about);
  if (loading.value !== "" && !open) return html`<section class="card">${skeleton(8)}</section>`;
  if (!open) return html`<section class="card">${empty("file", words().pickFile, html`${words().pickFileWhy} <code>${workspace}</code>`)}</section>`;
  const { file, text, isOvertaken } = open;
  const type = (event: Event) => (opened.value = { ...open, text: (event.currentTarget as HTMLTextAreaElement).value });
  const choices = html`<span class="actions">
    <button class="button small" type="button" @click=${() => void load(about, file.name)}>${words().theirs}</button>
    <button class="button small danger" type="button" @click=${() => void save(about, open, true)}>${words().overwrite}</button>
  </span>`;
  return html`<section class="card">
    <header>
      <h2>${file.name}</h2>
      ${isChanged(open) ? badge("warn", words().unsaved) : nothing}
      <button class="button main" type="button" ?disabled=${!isChanged(open) || isOvertaken} @click=${() => void save(about, open)}>${words().save}</button>
    </header>
    <div class="body agent-editor">
      ${isOvertaken ? banner("warn", words().overtaken, choices) : nothing}
      <label class="unseen" for="agent-file">${file.name}</label>
      <textarea id="agent-file" class="code" rows="22" spellcheck="false" placeholder=${file.missing ? words().emptyFile : ""} aria-describedby="agent-file-help"
        ?readonly=${!gateway.may("operator.admin")} .value=${live(text)} @input=${type}
        @keydown=${(event: KeyboardEvent) => saveByKey(event, about)}></textarea>
      <p id="agent-file-help" class="help faint small">${words().fileHelp[file.name as keyof ReturnType<typeof words>["fileHelp"]] ?? ""} <code>${file.path}</code></p>
    </div>
  </section>`;
}

function current(about: About): Open | null {
  return opened.value?.agentId === about.id ? opened.value : null;
}

function isChanged(open: Open | null): boolean {
  return open !== null && open.text !== (open.file.content ?? "");
}

async function turnTo(about: About, name: string): Promise<void> {
  const open = opened.peek();
  if (open?.agentId === about.id && open.file.name === name) return;
  const mayLeave = !isChanged(open) || (await confirm({ title: words().leaveTitle(open?.file.name ?? ""), body: words().leaveBody, action: words().leave, tone: "danger" }));
  if (mayLeave) await load(about, name);
}

async function load(about: About, name: string): Promise<void> {
  loading.value = name;
  await attempt(async () => {
    const { file } = await gateway.call("agents.files.get", { agentId: about.id, name });
    if (loading.peek() === name) opened.value = { agentId: about.id, file, text: file.content ?? "", isOvertaken: false };
  });
  loading.value = "";
}

/** Text typed while the answer is on its way stays unsaved. */
async function save(about: About, open: Open, isForced = false): Promise<void> {
  const { file, text } = open;
  const expected = !isForced && file.hash !== undefined ? { expectedHash: file.hash } : {};
  try {
    const saved = await gateway.call("agents.files.set", { agentId: open.agentId, name: file.name, content: text, ...expected });
    const now = opened.peek();
    if (now?.file.name === file.name) opened.value = { ...now, file: { ...saved.file, content: text }, isOvertaken: false };
    tell(words().savedFile(file.name));
  } catch (error) {
    if (error instanceof RequestError && error.details.type === "agent_file_conflict") opened.value = { ...open, isOvertaken: true };
    else complain(error);
  }
  await about.files.refresh();
}

function saveByKey(event: KeyboardEvent, about: About): void {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const open = opened.peek();
  if (open && isChanged(open) && !open.isOvertaken) void save(about, open);
}
