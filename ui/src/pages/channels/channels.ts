// Accounts on chat platforms: how they stand, who asks to be let in, and replies that could not be delivered.

import { html, nothing, type TemplateResult } from "lit";
import { confirm } from "../../design/dialog.ts";
import { icon } from "../../design/icons.ts";
import { menu } from "../../design/menu.ts";
import { badge, banner, card, empty, facts, shown } from "../../design/parts.ts";
import { attempt, complain, tell } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { ago } from "../../i18n/format.ts";
import type { ChannelAccountStatus, ChannelProbe, ChannelsStatusResult } from "../../protocol/types.ts";
import { pageHeader } from "../../shell/page-header.ts";
import { address } from "../../shell/router.ts";
import { View } from "../../state/view.ts";
import "./channels.css";
import { deadLetters } from "./letters.ts";
import { logIn, showsCode } from "./login.ts";
import { letIn, waiting } from "./pairing.ts";
import { nameOf, standingOf, type Deed } from "./standing.ts";
import { ask, channels, isAsking, letters, lookAgain, pairing, probes } from "./state.ts";
import { words } from "./words.ts";

/** No event tells of a message, a request or a dead letter. */
const LOOK_AGAIN_MS = 5_000;

/** One account, with what its channel is called. */
interface Account {
  readonly channel: string;
  readonly title: string;
  readonly issues: readonly string[];
  readonly status: ChannelAccountStatus;
}

class ChannelsPage extends View {
  protected override entered(): (() => void)[] {
    const timer = setInterval(() => document.hidden || void lookAgain(), LOOK_AGAIN_MS);
    return [channels.follow(), pairing.follow(), letters.follow(), () => clearInterval(timer)];
  }

  protected override render(): TemplateResult {
    const check = html`<button class="button" type="button" ?disabled=${isAsking.value} @click=${() => void ask()}>${icon("refresh")}${words().ask}</button>`;
    return html`<div class="page">
      ${pageHeader({ title: words().title, lead: words().lead, actions: check })}
      ${waiting()} ${shown(channels, accounts)} ${letIn()} ${deadLetters()}
    </div>`;
  }
}

function accounts(all: ChannelsStatusResult): TemplateResult {
  const each = accountsOf(all);
  if (each.length === 0) return card(words().accounts, empty("channel", words().none, words().noneWhy, html`<a class="button main" href=${address("config")}>${words().setUp}</a>`));
  return html`<div class="channel-accounts">${each.map(account)}</div>`;
}

function accountsOf({ channelOrder, channelAccounts, channelLabels, statusIssues = [] }: ChannelsStatusResult): Account[] {
  return channelOrder.flatMap((channel) =>
    (channelAccounts[channel] ?? []).map((status) => {
      const label = channelLabels[channel] ?? channel;
      const title = status.accountId === "default" ? label : `${label} · ${status.accountId}`;
      const issues = statusIssues.filter((issue) => issue.channel === channel && issue.accountId === status.accountId).map(({ message }) => message);
      return { channel, title, issues: issues.filter((issue) => issue !== status.lastError), status };
    }),
  );
}

function account(one: Account): TemplateResult {
  const { channel, title, issues, status } = one;
  const { state, tone, deeds } = standingOf(status);
  const probe = probes.value.get(nameOf(channel, status.accountId));
  const isDown = tone === "bad" || tone === "warn";
  const offers = [
    ...(showsCode(channel) ? [{ title: words().logIn, icon: "link" as const, run: () => void logIn(channel, title) }] : []),
    ...(status.running ? [{ title: words().logOut, icon: "stop" as const, tone: "danger" as const, run: () => void logOut(one) }] : []),
  ];
  return html`<section class="card" aria-label=${title}>
    <header>
      <h2>${title}</h2>
      ${badge(tone, words().states[state])}
    </header>
    <div class="channel-body">
      ${status.lastError ? banner(isDown ? "bad" : "warn", isDown ? status.lastError : words().lastFailure(status.lastError)) : nothing}
      ${issues.map((issue) => banner("warn", issue))} ${state === "silent" ? banner("warn", words().silentWhy) : nothing}
      ${state === "disabled" ? html`<p class="faint body">${words().disabledWhy}</p>` : nothing}
      ${facts([
        [words().name, status.name],
        [words().lastIn, time(status.lastInboundAt)],
        [words().lastOut, time(status.lastOutboundAt)],
        [words().lastSign, time(status.lastTransportActivityAt)],
        [words().attempts, status.reconnectAttempts > 0 ? String(status.reconnectAttempts) : null],
        [words().mode, words().modes[status.mode as "socket" | "polling" | "webhook"] ?? status.mode],
        [words().strangers, status.dmPolicy && (words().policies[status.dmPolicy as "pairing" | "allowlist" | "open" | "disabled"] ?? status.dmPolicy)],
        [words().token, status.tokenSource && (words().sources[status.tokenSource as "env" | "config"] ?? status.tokenSource)],
      ])}
      ${probe ? probed(probe) : nothing}
    </div>
    ${deeds.length + offers.length > 0
      ? html`<footer class="actions">
          ${deeds.map((deed) => html`<button class="button small" type="button" aria-label="${words().deeds[deed]}: ${title}" @click=${() => void act(deed, one)}>${words().deeds[deed]}</button>`)}
          ${offers.length > 0 ? menu(words().more(title), offers) : nothing}
        </footer>`
      : nothing}
  </section>`;
}

/** What the platform said. */
function probed({ ok, error, identity, warnings, facts: said }: ChannelProbe): TemplateResult {
  if (!ok) return banner("bad", words().probeFailed(error ?? ""));
  return html`${warnings.map((warning) => banner("warn", warning))}
  <details class="body">
    <summary>${words().probeWell(identity ?? "")}</summary>
    ${facts(said)}
  </details>`;
}

function time(ms: number | null): string {
  return ms === null ? words().never : ago(ms);
}

async function act(deed: Deed, { channel, status, title }: Account): Promise<void> {
  const { accountId } = status;
  if (deed === "stop") {
    const isSure = await confirm({ title: words().stopTitle(title), body: words().stopBody, action: words().deeds.stop, tone: "danger" });
    if (!isSure) return;
  }
  const method = deed === "stop" ? "channels.stop" : "channels.start";
  await attempt(() => gateway.call(method, { channel, accountId }), deed === "stop" ? words().stopped(title) : words().started(title));
  await channels.refresh();
}

async function logOut({ channel, status, title }: Account): Promise<void> {
  const isSure = await confirm({ title: words().logOutTitle(title), body: words().logOutBody, action: words().logOut, tone: "danger" });
  if (!isSure) return;
  try {
    const { message } = await gateway.call("channels.logout", { channel, accountId: status.accountId });
    tell(message);
  } catch (error) {
    complain(error);
  }
  await channels.refresh();
}

customElements.define("page-channels", ChannelsPage);
