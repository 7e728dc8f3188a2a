import { expect, test } from "vitest";
import { ago, bytes, cost, span } from "./format.ts";
import { choose, ofBrowser, translations } from "./language.ts";

test("the browser's languages choose ours, in their order", () => {
  expect(ofBrowser(["zh-CN", "en"])).toBe("zh-CN");
  expect(ofBrowser(["zh-HK"])).toBe("zh-TW");
  expect(ofBrowser(["zh-Hant-US", "en"])).toBe("zh-TW");
  expect(ofBrowser(["zh"])).toBe("zh-CN");
  expect(ofBrowser(["de", "en-GB"])).toBe("en");
  expect(ofBrowser([])).toBe("en");
});

test("sentences follow the language that was chosen", () => {
  const words = translations({ en: { hi: (name: string) => `Hi ${name}` }, "zh-CN": { hi: (name) => `你好 ${name}` }, "zh-TW": { hi: (name) => `您好 ${name}` } });
  expect(words().hi("A")).toBe("Hi A");
  choose("zh-TW");
  expect([words().hi("A"), ago(0, 7_200_000)]).toEqual(["您好 A", "2 小時前"]);
  choose("en");
});

test("numbers are written for people", () => {
  expect([bytes(0), bytes(999), bytes(12_345), bytes(1_540_000_000)]).toEqual(["0 byte", "999 byte", "12 kB", "1.5 GB"]);
  expect([cost(0), cost(0.0012), cost(3.456)]).toEqual(["$0.00", "$0.0012", "$3.46"]);
  expect([span(0), span(61_000), span(3_600_000), span(90_061_000)]).toEqual(["0 sec", "1 min 1 sec", "1 hr", "1 day 1 hr"]);
  expect([ago(0, 4_000), ago(0, 60_000), ago(172_800_000, 0)]).toEqual(["now", "1 minute ago", "in 2 days"]);
});
