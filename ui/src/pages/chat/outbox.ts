// Messages that the gateway hasn't confirmed: kept over reconnects, reloads and crashes of the browser, and sent again under the same
// key, which the gateway accepts once.

import type { ChatAttachment, QueueMode } from "../../protocol/types.ts";
import { Shelf } from "../../state/shelf.ts";

export interface Draft {
  readonly key: string;
  readonly session: string;
  readonly text: string;
  readonly attachments: readonly ChatAttachment[];
  readonly mode?: QueueMode;
  /** Their order. */
  readonly at: number;
}

class Outbox {
  #shelf = new Shelf<Draft>("chela-outbox", "messages");

  keep(draft: Draft): Promise<void> {
    return this.#shelf.put(draft.key, draft);
  }

  settle(key: string): Promise<void> {
    return this.#shelf.remove(key);
  }

  /** What waits, oldest first. */
  async waiting(): Promise<Draft[]> {
    return (await this.#shelf.all()).sort((a, b) => a.at - b.at);
  }

  clear(): Promise<void> {
    return this.#shelf.clear();
  }
}

export const outbox = new Outbox();
