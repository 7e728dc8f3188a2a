// What is asked of a person before a call is made.

import { translations } from "../i18n/language.ts";

export const words = translations({
  en: {
    decisions: { "allow-once": "Allow once", "allow-always": "Allow always", deny: "Deny" },
    title: "May the assistant do this?",
    waiting: "Waiting for your decision",
    waitingElsewhere: (count: number) => (count === 1 ? "A question waits in another session." : `${count} questions wait in other sessions.`),
    look: "Look",
    left: (time: string) => `${time} left`,
  },
  "zh-CN": {
    decisions: { "allow-once": "允许一次", "allow-always": "始终允许", deny: "拒绝" },
    title: "允许助手执行此操作吗？",
    waiting: "等待您的决定",
    waitingElsewhere: (count) => `其他会话中有 ${count} 个问题在等待您。`,
    look: "查看",
    left: (time) => `剩余 ${time}`,
  },
  "zh-TW": {
    decisions: { "allow-once": "允許一次", "allow-always": "一律允許", deny: "拒絕" },
    title: "允許助理執行此操作嗎？",
    waiting: "等待您的決定",
    waitingElsewhere: (count) => `其他工作階段中有 ${count} 個問題在等待您。`,
    look: "查看",
    left: (time) => `剩餘 ${time}`,
  },
});
