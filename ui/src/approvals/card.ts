// One question: what would be done, as plain text, why it is asked, and a button for every answer.

import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../design/icons.ts";
import { visible } from "../markdown/render.ts";
import type { ApprovalDecision, PendingApproval } from "../protocol/types.ts";
import { Signal } from "../state/signal.ts";
import { View } from "../state/view.ts";
import { approvals } from "./approvals.ts";
import "./card.css";
import { words } from "./words.ts";

class ApprovalCard extends View {
  static override properties = { approval: { attribute: false } };
  declare approval: PendingApproval;
  #isBusy = new Signal(false);
  #wrong = new Signal("");

  protected override render(): TemplateResult {
    const { id, request } = this.approval;
    const note = this.#wrong.value || request.warningText;
    return html`<section class="approval" aria-labelledby="approval-${id}">
      <h3 id="approval-${id}">${icon("shield")}${words().title}</h3>
      <pre tabindex="0">${visible(request.command)}</pre>
      ${request.cwd ? html`<p class="small faint">${visible(request.cwd)}</p>` : nothing}
      ${note ? html`<p class="small ${this.#wrong.value ? "wrong" : "faint"}">${visible(note)}</p>` : nothing}
      <div class="actions">${request.allowedDecisions.map((decision) => this.#button(decision))}</div>
    </section>`;
  }

  #button(decision: ApprovalDecision): TemplateResult {
    const looks = decision === "allow-once" ? "main" : decision === "deny" ? "danger" : "";
    return html`<button class="button ${looks}" type="button" ?disabled=${this.#isBusy.value} @click=${() => void this.#decide(decision)}>${words().decisions[decision]}</button>`;
  }

  async #decide(decision: ApprovalDecision): Promise<void> {
    this.#isBusy.value = true;
    try {
      await approvals.decide(this.approval.id, decision);
    } catch (error) {
      this.#wrong.value = (error as Error).message;
      this.#isBusy.value = false;
    }
  }
}

customElements.define("approval-card", ApprovalCard);
