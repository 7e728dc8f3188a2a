// What a set-up writes into the configuration, and what it takes back when a check fails.

import { at, withValue, type Path, type Tree } from "../../state/tree.ts";

export interface Vendor {
  readonly id: string;
  readonly name: string;
  /** Where a person gets a key. */
  readonly keys?: string;
  /** A server of one's own: it needs an address and a model's name, and maybe no key. */
  readonly isOwn?: boolean;
}

/** The gateway's vendors, the most used first. */
export const VENDORS: readonly Vendor[] = [
  { id: "anthropic", name: "Anthropic (Claude)", keys: "https://console.anthropic.com/settings/keys" },
  { id: "openai", name: "OpenAI", keys: "https://platform.openai.com/api-keys" },
  { id: "google", name: "Google Gemini", keys: "https://aistudio.google.com/apikey" },
  { id: "openrouter", name: "OpenRouter", keys: "https://openrouter.ai/keys" },
  { id: "deepseek", name: "DeepSeek", keys: "https://platform.deepseek.com/api_keys" },
  { id: "moonshot", name: "Moonshot AI (Kimi)", keys: "https://platform.moonshot.ai/console/api-keys" },
  { id: "qwen", name: "Alibaba Qwen", keys: "https://bailian.console.aliyun.com" },
  { id: "zai", name: "Z.AI (GLM)", keys: "https://z.ai/manage-apikey/apikey-list" },
  { id: "minimax", name: "MiniMax", keys: "https://platform.minimax.io" },
  { id: "mistral", name: "Mistral", keys: "https://console.mistral.ai/api-keys" },
  { id: "xai", name: "xAI (Grok)", keys: "https://console.x.ai" },
  { id: "groq", name: "Groq", keys: "https://console.groq.com/keys" },
  { id: "together", name: "Together AI", keys: "https://api.together.ai/settings/api-keys" },
  { id: "fireworks", name: "Fireworks AI", keys: "https://app.fireworks.ai/settings/users/api-keys" },
  { id: "cerebras", name: "Cerebras", keys: "https://cloud.cerebras.ai" },
  { id: "nvidia", name: "NVIDIA", keys: "https://build.nvidia.com" },
  { id: "own", name: "", isOwn: true },
];

export interface ModelWish {
  readonly vendor: Vendor;
  readonly key: string;
  readonly baseUrl: string;
  /** Empty for the vendor's own default. */
  readonly model: string;
}

/** A value at a path; `undefined` takes out what stands there. */
export interface Writing {
  readonly path: Path;
  readonly value: Tree;
}

export function modelWritings({ vendor, key, baseUrl, model }: ModelWish): Writing[] {
  const provider: Path = ["models", "providers", vendor.id];
  const writings: Writing[] = [];
  if (vendor.isOwn) {
    writings.push({ path: [...provider, "baseUrl"], value: baseUrl }, { path: [...provider, "api"], value: "openai-completions" }, { path: [...provider, "models"], value: [{ id: model }] });
  }
  if (key) writings.push({ path: [...provider, "apiKey"], value: key });
  if (model) writings.push({ path: ["agents", "defaults", "model", "primary"], value: `${vendor.id}/${model}` });
  return writings;
}

export const CHANNELS = ["telegram", "discord"] as const;
export type ChannelName = (typeof CHANNELS)[number];

const TOKEN_KEYS: Record<ChannelName, string> = { telegram: "botToken", discord: "token" };

export function channelWritings(channel: ChannelName, token: string): Writing[] {
  return [
    { path: ["channels", channel, "enabled"], value: true },
    { path: ["channels", channel, TOKEN_KEYS[channel]], value: token },
  ];
}

export function written(file: Tree, writings: readonly Writing[]): Tree {
  // A model may be a text alone; a key below it needs the longer form.
  const model = at(file, ["agents", "defaults", "model"]);
  const start = typeof model === "string" && writings.some(({ path }) => path.at(-1) === "primary") ? withValue(file, ["agents", "defaults", "model"], { primary: model }) : file;
  return writings.reduce((tree, { path, value }) => withValue(tree, path, value), start);
}

/** What makes undone what `writings` do to `file`. */
export function undoing(file: Tree, writings: readonly Writing[]): Writing[] {
  return writings.map(({ path }) => ({ path, value: at(file, path) }));
}

/** Whether a secret that is there would be replaced: the page never sees it, so it can't be put back. */
export function replacesSecret(file: Tree, writings: readonly Writing[]): boolean {
  return writings.some(({ path }) => at(file, path) === REDACTED);
}

const REDACTED = "__OPENCLAW_REDACTED__";

/** A bot's application is named in the first part of its token, which is no secret. */
export function discordInvite(token: string): string | null {
  try {
    const id = atob(token.split(".")[0] ?? "");
    return /^\d{15,22}$/.test(id) ? `https://discord.com/oauth2/authorize?client_id=${id}&scope=bot%20applications.commands&permissions=${DISCORD_PERMISSIONS}` : null;
  } catch {
    return null;
  }
}

/** View and read channels, send (in threads too), react, attach, embed. */
const DISCORD_PERMISSIONS = [10, 11, 38, 16, 6, 15, 14].reduce((sum, bit) => sum + 2 ** bit, 0);
