// A change of the configuration file from a page that isn't its editor: only what differs is sent, on what stands there now.

import type { ConfigWriteResult } from "../protocol/types.ts";
import { patchBetween, type Tree } from "../state/tree.ts";
import { gateway } from "./gateway.ts";

/** How often a change is made anew because somebody else was faster. */
const TRIES = 3;

export async function changeConfig(edit: (file: Tree) => Tree): Promise<ConfigWriteResult> {
  for (let tried = 1; ; tried += 1) {
    const { parsed, hash } = await gateway.call("config.get");
    try {
      return await gateway.call("config.patch", { raw: JSON.stringify(patchBetween(parsed, edit(parsed))), baseHash: hash });
    } catch (error) {
      if (tried === TRIES || !(error as Error).message.startsWith("config changed")) throw error;
    }
  }
}
