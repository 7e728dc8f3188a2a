// What goes wrong between the page and its gateway, in words.

import { translations } from "../i18n/language.ts";

export const words = translations({
  en: {
    offline: "No connection to the gateway.",
    tooLarge: "That is larger than the gateway takes.",
    noAnswer: (method: string) => `The gateway did not answer (${method}).`,
    noRights:
      "The token is right, but this gateway gives rights only to browsers that it knows, and without HTTPS a browser can't show who it is. " +
      "Open the page over HTTPS or on the gateway's own machine, or set gateway.pairing.mode to auto.",
    wrongToken: "That is not the token of this gateway. The lines below say where the right one stands.",
    wrongPassword: "That is not this gateway's password. It is set in gateway.auth.password.",
    usedLink: "This link has been used or is too old. Ask for a new one with `chela open`, or paste the token.",
    rateLimited: (seconds: number) => `Too many wrong tokens. Wait ${seconds} seconds, then try again.`,
    pairing: (request: string) => `The token is right. Now approve this browser on the gateway's machine: chela devices approve ${request}`,
    origin: "This gateway doesn't take pages from this address. Open it under its own name, or add the address to gateway.controlUi.allowedOrigins.",
    protocol: "This page and its gateway are of different versions. Reload the page.",
  },
  "zh-CN": {
    offline: "未连接到网关。",
    tooLarge: "内容超过了网关允许的大小。",
    noAnswer: (method) => `网关没有响应（${method}）。`,
    noRights:
      "令牌正确，但此网关只授权给它认识的浏览器，而没有 HTTPS 时浏览器无法证明自己的身份。请通过 HTTPS 或在网关所在的机器上打开本页，或将 gateway.pairing.mode 设为 auto。",
    wrongToken: "这不是此网关的令牌。下方说明了在哪里可以找到正确的令牌。",
    wrongPassword: "这不是此网关的密码。密码在 gateway.auth.password 中设置。",
    usedLink: "此链接已被使用或已过期。请用 `chela open` 获取新链接，或粘贴令牌。",
    rateLimited: (seconds) => `错误的令牌过多。请等待 ${seconds} 秒后再试。`,
    pairing: (request) => `令牌正确。请在网关所在的机器上批准此浏览器：chela devices approve ${request}`,
    origin: "此网关不接受来自该地址的页面。请用网关自己的域名打开，或将该地址加入 gateway.controlUi.allowedOrigins。",
    protocol: "页面与网关的版本不同。请重新加载页面。",
  },
  "zh-TW": {
    offline: "未連線到閘道。",
    tooLarge: "內容超過了閘道允許的大小。",
    noAnswer: (method) => `閘道沒有回應（${method}）。`,
    noRights:
      "權杖正確，但此閘道只授權給它認識的瀏覽器，而沒有 HTTPS 時瀏覽器無法證明自己的身分。請透過 HTTPS 或在閘道所在的機器上開啟本頁，或將 gateway.pairing.mode 設為 auto。",
    wrongToken: "這不是此閘道的權杖。下方說明了在哪裡可以找到正確的權杖。",
    wrongPassword: "這不是此閘道的密碼。密碼在 gateway.auth.password 中設定。",
    usedLink: "此連結已被使用或已過期。請用 `chela open` 取得新連結，或貼上權杖。",
    rateLimited: (seconds) => `錯誤的權杖過多。請等待 ${seconds} 秒後再試。`,
    pairing: (request) => `權杖正確。請在閘道所在的機器上核准此瀏覽器：chela devices approve ${request}`,
    origin: "此閘道不接受來自該位址的頁面。請用閘道自己的網域開啟，或將該位址加入 gateway.controlUi.allowedOrigins。",
    protocol: "頁面與閘道的版本不同。請重新載入頁面。",
  },
});
