// Calls that wait for a person's decision, wherever in the page they are shown.

import { gateway } from "../gateway/gateway.ts";
import type { ApprovalDecision, PendingApproval } from "../protocol/types.ts";
import { Signal } from "../state/signal.ts";

class Approvals {
  readonly waiting = new Signal<readonly PendingApproval[]>([]);

  /** Follows the gateway from now on. A browser without the right to decide is shown no questions. */
  constructor() {
    gateway.onFresh(() => {
      gateway.call("exec.approval.list").then(
        (waiting) => (this.waiting.value = waiting),
        () => (this.waiting.value = []),
      );
    });
    gateway.on("exec.approval.requested", (one) => (this.waiting.value = [...this.#without(one.id), one]));
    gateway.on("exec.approval.resolved", ({ id }) => (this.waiting.value = this.#without(id)));
  }

  /** Rejects when the gateway won't have the decision. */
  async decide(id: string, decision: ApprovalDecision): Promise<void> {
    await gateway.call("exec.approval.resolve", { id, decision });
    this.waiting.value = this.#without(id);
  }

  #without(id: string): readonly PendingApproval[] {
    return this.waiting.peek().filter((one) => one.id !== id);
  }
}

export const approvals = new Approvals();
