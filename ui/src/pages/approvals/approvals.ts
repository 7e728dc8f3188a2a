// What the assistant may do without asking, what it asks now, and what was decided before.

import { html, nothing, type TemplateResult } from "lit";
import { approvals } from "../../approvals/approvals.ts";
import "../../approvals/card.ts";
import { confirm } from "../../design/dialog.ts";
import { badge, banner, card, empty, shown, table, type Column, type Content } from "../../design/parts.ts";
import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago, moment } from "../../i18n/format.ts";
import { visible } from "../../markdown/render.ts";
import type { ApprovalResolver, ApprovalView, ExecApprovalsGetResult, ExecGrantsListResult, ExecGrantView } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import "./approvals.css";
import { joined, outcomeOf, policyOf, reachOf, TONES } from "./record.ts";
import { words } from "./words.ts";

const PAGE = 30;

const rules = new Resource(() => gateway.call("exec.approval.grants.list"), ["exec.approval.resolved"]);
const treatment = new Resource(() => gateway.call("exec.approvals.get"), ["config.changed"]);
const history: Resource<readonly ApprovalView[]> = new Resource(readHistory, ["exec.approval.requested", "exec.approval.resolved"]);

/** Where the part of the history begins that wasn't read yet. */
const cursor = new Signal<string | null>(null);

class ApprovalsPage extends View {
  protected override entered(): (() => void)[] {
    return [rules.follow(), treatment.follow(), history.follow()];
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead })}
      ${waiting()}
      ${card(words().rules, html`${policy()} ${shown(rules, ruleTable)}`)}
      ${card(words().history, shown(history, historyTable))}
    </div>`;
  }
}

function waiting(): Content {
  const now = approvals.waiting.value;
  if (now.length === 0) return nothing;
  return html`<section class="approvals-waiting" aria-label=${words().waiting}>
    <h2>${words().waiting}</h2>
    ${now.map((one) => html`<approval-card .approval=${one}></approval-card>`)}
  </section>`;
}

/** Who may not read the configuration's rule sees the list without it. */
function policy(): Content {
  const value: ExecApprovalsGetResult | undefined = treatment.value;
  if (!value) return nothing;
  const is = policyOf(value.resolvedDefaults);
  if (is === "full") return html`<div class="approvals-policy">${banner("warn", words().policies.full)}</div>`;
  return html`<p class="approvals-policy faint">${words().policies[is]}</p>`;
}

function ruleTable({ grants }: ExecGrantsListResult): TemplateResult {
  if (grants.length === 0) return empty("shield", words().noRules, words().noRulesWhy);
  return table(words().rules, ruleColumns(grants), grants);
}

function ruleColumns(grants: readonly ExecGrantView[]): Column<ExecGrantView>[] {
  const hasAgents = new Set(grants.map(({ agentId }) => agentId)).size > 1;
  return [
    {
      title: words().command,
      show: (rule) => html`<code>${visible(rule.commandText ?? rule.pattern)}</code>
        <div class="faint small">${reach(rule)}</div>`,
    },
    ...(hasAgents ? [{ title: words().agent, show: ({ agentId }: ExecGrantView) => (agentId === "*" ? words().everyAgent : agentId) }] : []),
    { title: words().used, show: ({ lastUsedAtMs }) => short(lastUsedAtMs === undefined ? words().neverUsed : ago(lastUsedAtMs), lastUsedAtMs) },
    { title: words().made, show: ({ createdAtMs }) => short(ago(createdAtMs), createdAtMs) },
    { title: words().ends, show: ({ expiresAtMs }) => short(expiresAtMs === undefined ? words().never : ago(expiresAtMs), expiresAtMs) },
    {
      title: "",
      side: "end",
      show: (rule) => html`<button class="button small danger" type="button" aria-label="${words().revoke}: ${rule.commandText ?? rule.pattern}" @click=${() => void revoke(rule)}>${words().revoke}</button>`,
    },
  ];
}

function reach(rule: ExecGrantView): Content {
  switch (reachOf(rule)) {
    case "exact":
      return words().exact(rule.pattern);
    case "program":
      return words().anyArguments;
    case "pattern":
      return html`${words().fits} <code>${visible(rule.argPattern ?? "")}</code>`;
  }
}

function historyTable(known: readonly ApprovalView[]): TemplateResult {
  if (known.length === 0) return empty("clock", words().noHistory, words().noHistoryWhy);
  const more = html`<p class="body"><button class="button" type="button" @click=${() => void older()}>${words().older}</button></p>`;
  return html`${table(words().history, historyColumns(), known)} ${cursor.value === null ? nothing : more}`;
}

function historyColumns(): Column<ApprovalView>[] {
  return [
    {
      title: words().command,
      show: ({ presentation, sourceSessionKey }) => html`<code class="approvals-command">${visible(presentation.commandText)}</code>
        ${sourceSessionKey ? html`<a class="small" href=${address("chat", sourceSessionKey)}>${words().conversation}</a>` : nothing}`,
    },
    { title: words().decision, show: (view) => badge(TONES[outcomeOf(view)], words().outcomes[outcomeOf(view)]) },
    { title: words().by, show: ({ resolver }) => (resolver ? who(resolver) : "–") },
    { title: words().asked, show: ({ createdAtMs }) => short(ago(createdAtMs), createdAtMs) },
  ];
}

function who({ kind, id }: ApprovalResolver): TemplateResult {
  const title = words().resolvers[kind as "device" | "channel" | "runtime" | "system"] ?? kind;
  // A device's name is a long key, of which nobody reads more than that it is one.
  return html`${title}${kind === "channel" && id ? html`<div class="faint small">${id}</div>` : nothing}`;
}

function short(text: string, ms?: number): TemplateResult {
  return html`<span class="approvals-short" title=${ms === undefined ? nothing : moment(ms)}>${text}</span>`;
}

/** The newest page; what was read before stays. */
async function readHistory(): Promise<readonly ApprovalView[]> {
  const { items, nextCursor } = await gateway.call("approval.history", { limit: PAGE });
  const known = history.state.peek().value;
  if (!known) cursor.value = nextCursor ?? null;
  return joined(known ?? [], items);
}

async function older(): Promise<void> {
  await attempt(async () => {
    const { items, nextCursor } = await gateway.call("approval.history", { limit: PAGE, cursor: cursor.peek() });
    cursor.value = nextCursor ?? null;
    history.set(joined(history.state.peek().value ?? [], items));
  });
}

async function revoke(rule: ExecGrantView): Promise<void> {
  const command = rule.commandText ?? rule.pattern;
  const body = html`<code>${visible(command)}</code> <p>${words().revokeBody}</p>`;
  const isSure = await confirm({ title: words().revokeTitle, body, action: words().revoke, tone: "danger" });
  if (!isSure) return;
  await attempt(() => gateway.call("exec.approval.grants.revoke", { grantId: rule.id }), words().revoked);
  await rules.refresh();
}

customElements.define("page-approvals", ApprovalsPage);
