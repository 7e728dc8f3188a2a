// What the parts of the design say by themselves.

import { translations } from "../i18n/language.ts";

export const words = translations({
  en: {
    cancel: "Cancel",
    close: "Close",
    copied: "Copied",
    copy: "Copy",
    copyFailed: "Select it by hand",
    failed: "This could not be loaded.",
    loading: "Loading",
    retry: "Try again",
    stale: "What you see may be out of date.",
  },
  "zh-CN": {
    cancel: "取消",
    close: "关闭",
    copied: "已复制",
    copy: "复制",
    copyFailed: "请手动选择",
    failed: "无法加载此内容。",
    loading: "正在加载",
    retry: "重试",
    stale: "您看到的内容可能已过时。",
  },
  "zh-TW": {
    cancel: "取消",
    close: "關閉",
    copied: "已複製",
    copy: "複製",
    copyFailed: "請手動選取",
    failed: "無法載入此內容。",
    loading: "正在載入",
    retry: "重試",
    stale: "您看到的內容可能已過時。",
  },
});
