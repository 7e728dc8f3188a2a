// Bringing a skill here: what would be installed is shown first, with what a scan finds in it, and exactly that is installed.

import { html, nothing, type TemplateResult } from "lit";
import { open } from "../../design/dialog.ts";
import { badge, banner, facts, type Content } from "../../design/parts.ts";
import { attempt, complain, tell } from "../../design/toast.ts";
import { words as parts } from "../../design/words.ts";
import { gateway } from "../../gateway/gateway.ts";
import { count } from "../../i18n/format.ts";
import type { SkillFinding, SkillsInstallParams, SkillsInstallResult } from "../../protocol/types.ts";
import { slugOfFile } from "./standing.ts";
import { words } from "./words.ts";

/** Bytes of an archive that go in one message. */
const CHUNK = 128 * 1024;

type Order = Pick<SkillsInstallParams, "source" | "slug" | "uploadId" | "version">;

/** Asks what would happen, shows it, and does it when the person wants that. */
export async function install(order: Order): Promise<void> {
  let plan: SkillsInstallResult;
  try {
    plan = await gateway.call("skills.install", { ...order, force: false, dryRun: true });
  } catch (error) {
    complain(error);
    return;
  }
  if (plan.outcome === "unchanged") return tell(words().unchanged(plan.slug));
  if (!(await isWanted(plan))) return;
  await attempt(() => gateway.call("skills.install", { ...order, force: plan.blocked, hash: plan.hash, dryRun: false }), words().installed(plan.slug));
}

/** Brings an archive from this device, in pieces. */
export async function upload(file: File): Promise<void> {
  const slug = slugOfFile(file.name);
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { uploadId } = await gateway.call("skills.upload.begin", { kind: "skill-archive", slug, sizeBytes: bytes.length, force: false });
    for (let offset = 0; offset < bytes.length; offset += CHUNK) {
      await gateway.call("skills.upload.chunk", { uploadId, offset, dataBase64: base64(bytes.subarray(offset, offset + CHUNK)) });
    }
    await gateway.call("skills.upload.commit", { uploadId });
    await install({ source: "upload", slug, uploadId });
  } catch (error) {
    complain(error);
  }
}

async function isWanted(plan: SkillsInstallResult): Promise<boolean> {
  const { slug, version, blocked, changes, findings, targetDir } = plan;
  const files = (names: readonly string[]) => (names.length > 0 ? html`<span title=${names.join("\n")}>${count(names.length)}</span>` : null);
  const answer = await open<boolean>({ label: words().installTitle(slug), className: "wide" }, (close) => html`<form method="dialog" @submit=${() => close(true)}>
    <h2>${words().installTitle(slug)}</h2>
    ${blocked ? banner("bad", words().blocked) : nothing}
    ${facts([
      [words().version, version],
      [words().folder, html`<code>${targetDir}</code>`],
      [words().filesAdded, files(changes.added)],
      [words().filesChanged, files(changes.changed)],
      [words().filesRemoved, files(changes.removed)],
    ])}
    <h3>${words().found}</h3>
    ${findingList(findings)}
    <div class="actions end">
      <button class="button" type="button" autofocus @click=${() => close(false)}>${parts().cancel}</button>
      <button class="button main ${blocked ? "danger" : ""}">${blocked ? words().installAnyway : words().install}</button>
    </div>
  </form>`);
  return answer === true;
}

/** Shows what a scan finds in the files that are there; whether they are accepted as they are. */
export async function isAccepted(name: string, findings: readonly SkillFinding[]): Promise<boolean> {
  const answer = await open<boolean>({ label: words().acceptTitle(name), className: "wide" }, (close) => html`<form method="dialog" @submit=${() => close(true)}>
    <h2>${words().acceptTitle(name)}</h2>
    <p class="faint">${words().acceptBody}</p>
    ${findingList(findings)}
    <div class="actions end">
      <button class="button" type="button" autofocus @click=${() => close(false)}>${parts().cancel}</button>
      <button class="button main danger">${words().accept}</button>
    </div>
  </form>`);
  return answer === true;
}

const TONES = { critical: "bad", warning: "warn", info: "calm" } as const;

function findingList(findings: readonly SkillFinding[]): Content {
  if (findings.length === 0) return html`<p>${badge("good", words().foundNothing)}</p>`;
  const row = ({ severity, rule, file, line, what, why }: SkillFinding): TemplateResult => html`<li>
    ${badge(TONES[severity as keyof typeof TONES] ?? "calm", rule)} <span lang="en">${why}</span>
    <div class="faint small"><code>${file}${line > 0 ? `:${line}` : ""}</code></div>
    ${what ? html`<pre class="skill-what">${what}</pre>` : nothing}
  </li>`;
  return html`<ul class="skill-findings">${findings.map(row)}</ul>`;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
