import { expect, test } from "vitest";
import type { ChatCommand } from "../../protocol/types.ts";
import { fitting, written } from "./slash.ts";

const command = (name: string, textAliases: string[] = [], acceptsArgs = false): ChatCommand => ({ name, textAliases, acceptsArgs, description: "", category: "", source: "", scope: "" });
const COMMANDS = [command("model", ["/model"], true), command("new", ["/new", "/clear"]), command("status")];
const names = (text: string) => fitting(text, COMMANDS).map(({ name }) => name);

test("a slash offers all, letters those that begin so, by any of their names", () => {
  expect(names("/")).toEqual(["model", "new", "status"]);
  expect(names("/NE")).toEqual(["new"]);
  expect(names("/cl")).toEqual(["new"]);
});

test("words, arguments and a slash elsewhere offer nothing", () => {
  expect(["", "new", "a /new", "/model big", "/x"].flatMap(names)).toEqual([]);
});

test("a command that takes arguments leaves room for them", () => {
  expect(COMMANDS.map(written)).toEqual(["/model ", "/new", "/status"]);
});
