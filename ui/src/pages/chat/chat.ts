// The chat: sessions beside the conversation that is open. `/chat/<session key>` leads to one.

import { html, nothing, type TemplateResult } from "lit";
import { approvals } from "../../approvals/approvals.ts";
import "../../approvals/card.ts";
import { words as approvalWords } from "../../approvals/words.ts";
import { icon } from "../../design/icons.ts";
import { gateway } from "../../gateway/gateway.ts";
import { short } from "../../i18n/format.ts";
import type { SessionRow } from "../../protocol/types.ts";
import { offer } from "../../shell/commands.ts";
import { menuButton } from "../../shell/drawer.ts";
import { address, go, place } from "../../shell/router.ts";
import { effect, Signal, untracked } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import "./chat.css";
import "./composer.ts";
import "./log.ts";
import { room } from "./room.ts";
import { newSession } from "./session-list.ts";
import { follow, nameOf, rename, sessions } from "./sessions.ts";
import { words } from "./words.ts";

class ChatPage extends View {
  /** On small screens, whether the sessions lie over the conversation. */
  #isListOpen = new Signal(false);

  protected override entered(): (() => void)[] {
    return [
      follow(),
      room.follow(),
      offer(() => this.#commands()),
      effect(() => this.#turnTo(place.value.page.name, place.value.rest)),
    ];
  }

  protected override render(): TemplateResult {
    return html`<div class="chat ${this.#isListOpen.value ? "list-open" : ""}">
      <aside id="sessions" aria-label=${words().sessions}><chat-sessions></chat-sessions></aside>
      <div class="shade" @click=${() => (this.#isListOpen.value = false)}></div>
      <section class="room">
        ${this.#header()}
        <chat-log></chat-log>
        ${this.#approvals()}
        <chat-composer></chat-composer>
      </section>
    </div>`;
  }

  #header(): TemplateResult {
    const row = this.#row();
    return html`<header class="room-header">
      ${menuButton()}
      <button
        class="button quiet icon list-button"
        type="button"
        aria-label=${words().sessions}
        aria-expanded=${this.#isListOpen.value}
        aria-controls="sessions"
        @click=${() => (this.#isListOpen.value = !this.#isListOpen.value)}
      >${icon("logs")}</button>
      <h1>${nameOf(row)}</h1>
      <button class="button quiet icon small" type="button" aria-label=${words().rename} title=${words().rename} @click=${() => void rename(row)}>${icon("edit")}</button>
      ${room.info.value?.totalTokens && row.contextTokens ? context(room.info.value.totalTokens, row.contextTokens) : nothing}
    </header>`;
  }

  /** Questions of this session, and that others wait. */
  #approvals(): TemplateResult {
    const waiting = approvals.waiting.value;
    const here = waiting.filter(({ request }) => !request.sessionKey || request.sessionKey === room.key.value);
    const elsewhere = waiting.find((one) => !here.includes(one));
    return html`<div class="questions" role="region" aria-label=${approvalWords().waiting} aria-live="assertive">
      ${here.map((one) => html`<approval-card .approval=${one}></approval-card>`)}
      ${elsewhere
        ? html`<div class="banner" role="status">${icon("shield")}<p>${approvalWords().waitingElsewhere(waiting.length - here.length)}</p>
            <a class="button small" href=${address("chat", elsewhere.request.sessionKey ?? "")}>${approvalWords().look}</a></div>`
        : nothing}
    </div>`;
  }

  #row(): SessionRow {
    const key = room.key.value ?? gateway.mainSession;
    const known = sessions.value?.find((row) => row.key === key);
    return { ...({ key } as SessionRow), ...known, ...room.info.value };
  }

  #turnTo(page: string, rest: string): void {
    if (page !== "chat") return;
    this.#isListOpen.value = false;
    untracked(() => {
      const key = rest || (room.key.peek() ?? gateway.mainSession);
      room.open(key);
      if (!rest) go(address("chat", key), { replace: true });
    });
  }

  #commands() {
    const rows = sessions.state.peek().value ?? [];
    const open = rows.map((row) => ({ title: nameOf(row), group: words().sessions, icon: "chat" as const, run: () => go(address("chat", row.key)) }));
    return [{ title: words().newSession, group: words().sessions, icon: "plus" as const, run: newSession }, ...open];
  }
}

/** How full the model's context is. */
function context(used: number, all: number): TemplateResult {
  return html`<span class="context small faint number" title="${short(used)} / ${short(all)}">
    <meter min="0" max=${all} value=${used} aria-label="${short(used)} / ${short(all)}"></meter>${short(used)}
  </span>`;
}

customElements.define("page-chat", ChatPage);
