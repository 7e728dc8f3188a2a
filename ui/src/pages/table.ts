// Every page: one row here and one folder beside this file. The folder's main file defines the element `page-<name>`.

import type { IconName } from "../design/icons.ts";
import { translations } from "../i18n/language.ts";

export interface Page {
  /** Of the folder, the element and the first part of the address. */
  readonly name: string;
  readonly title: () => string;
  readonly icon: IconName;
  readonly group: Group;
  /** Pressed after `g`, it leads here. */
  readonly key?: string;
  readonly load: () => Promise<unknown>;
}

/** Headings of the navigation, in their order. */
export const GROUPS = ["talk", "assistant", "gateway"] as const;
export type Group = (typeof GROUPS)[number];

export const groupTitle = translations({
  en: { talk: "Talk", assistant: "Assistant", gateway: "Gateway" },
  "zh-CN": { talk: "对话", assistant: "助手", gateway: "网关" },
  "zh-TW": { talk: "對話", assistant: "助理", gateway: "閘道" },
});

export const PAGES: readonly Page[] = [
  {
    name: "chat",
    title: translations({ en: "Chat", "zh-CN": "聊天", "zh-TW": "聊天" }),
    icon: "chat",
    group: "talk",
    key: "c",
    load: () => import("./chat/chat.ts"),
  },
  {
    name: "channels",
    title: translations({ en: "Channels", "zh-CN": "渠道", "zh-TW": "頻道" }),
    icon: "channel",
    group: "talk",
    key: "n",
    load: () => import("./channels/channels.ts"),
  },
  {
    name: "automations",
    title: translations({ en: "Automations", "zh-CN": "自动任务", "zh-TW": "自動任務" }),
    icon: "clock",
    group: "assistant",
    key: "t",
    load: () => import("./automations/automations.ts"),
  },
  {
    name: "agents",
    title: translations({ en: "Agents", "zh-CN": "智能体", "zh-TW": "代理" }),
    icon: "agent",
    group: "assistant",
    key: "a",
    load: () => import("./agents/agents.ts"),
  },
  {
    name: "approvals",
    title: translations({ en: "Approvals", "zh-CN": "批准", "zh-TW": "核准" }),
    icon: "shield",
    group: "assistant",
    key: "p",
    load: () => import("./approvals/approvals.ts"),
  },
  {
    name: "skills",
    title: translations({ en: "Skills", "zh-CN": "技能", "zh-TW": "技能" }),
    icon: "skill",
    group: "assistant",
    key: "k",
    load: () => import("./skills/skills.ts"),
  },
  {
    name: "usage",
    title: translations({ en: "Usage", "zh-CN": "用量", "zh-TW": "用量" }),
    icon: "usage",
    group: "assistant",
    key: "u",
    load: () => import("./usage/usage.ts"),
  },
  {
    name: "devices",
    title: translations({ en: "Devices", "zh-CN": "设备", "zh-TW": "裝置" }),
    icon: "device",
    group: "gateway",
    key: "d",
    load: () => import("./devices/devices.ts"),
  },
  {
    name: "config",
    title: translations({ en: "Configuration", "zh-CN": "配置", "zh-TW": "設定" }),
    icon: "config",
    group: "gateway",
    key: "s",
    load: () => import("./config/config.ts"),
  },
  {
    name: "logs",
    title: translations({ en: "Logs", "zh-CN": "日志", "zh-TW": "日誌" }),
    icon: "logs",
    group: "gateway",
    key: "l",
    load: () => import("./logs/logs.ts"),
  },
  {
    // `/health` is the gateway's own answer to probes.
    name: "status",
    title: translations({ en: "Health", "zh-CN": "健康", "zh-TW": "健康狀態" }),
    icon: "health",
    group: "gateway",
    key: "h",
    load: () => import("./status/status.ts"),
  },
  {
    name: "setup",
    title: translations({ en: "Set up", "zh-CN": "设置向导", "zh-TW": "設定精靈" }),
    icon: "play",
    group: "gateway",
    load: () => import("./setup/setup.ts"),
  },
  {
    name: "about",
    title: translations({ en: "About", "zh-CN": "关于", "zh-TW": "關於" }),
    icon: "info",
    group: "gateway",
    load: () => import("./about/about.ts"),
  },
];

/** The first page is where an address without a page leads. */
export const HOME = PAGES[0]!;
