// Slash commands that a message may begin with, and which of them fit what is being written. Pure.

import type { ChatCommand } from "../../protocol/types.ts";

const SHOWN = 8;

/** The commands whose name or alias begins with what stands behind the slash; none once the name is whole and arguments follow. */
export function fitting(text: string, commands: readonly ChatCommand[]): ChatCommand[] {
  const begun = /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase();
  if (begun === undefined) return [];
  const names = ({ name, textAliases }: ChatCommand) => [name, ...textAliases].map((one) => one.replace(/^\//, "").toLowerCase());
  return commands.filter((command) => names(command).some((name) => name.startsWith(begun))).slice(0, SHOWN);
}

/** What is written once a command is chosen: room for its arguments, if it takes any. */
export function written({ name, acceptsArgs }: ChatCommand): string {
  return `/${name.replace(/^\//, "")}${acceptsArgs ? " " : ""}`;
}
