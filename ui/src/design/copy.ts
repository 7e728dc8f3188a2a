// Putting a text on the clipboard. Its own interface exists in secure contexts only; elsewhere a selection and the old command do it.

import { tell, complain } from "./toast.ts";
import { words } from "./words.ts";

/** Copies a text and says so. */
export async function copy(text: string): Promise<void> {
  if (await written(text)) tell(words().copied);
  else complain(words().copyFailed);
}

/** Whether the text is on the clipboard now. */
export async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return byCommand(text);
  }
}

function byCommand(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
