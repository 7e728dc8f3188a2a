// Files that go with a message: read, and checked against what the gateway takes, before they are sent.

import { gateway } from "../../gateway/gateway.ts";
import { bytes } from "../../i18n/format.ts";
import type { ChatAttachment } from "../../protocol/types.ts";
import { words } from "./words.ts";

export interface Attached {
  readonly attachment: ChatAttachment;
  /** Of a picture: itself, to be seen. */
  readonly preview: string | null;
}

/** Reads a file. Rejects with what to tell the person. */
export async function attachmentOf(file: File): Promise<Attached> {
  const isImage = file.type.startsWith("image/");
  const policy = gateway.hello.peek()?.policy.attachments;
  const limit = (isImage ? policy?.maxImageBytes : policy?.maxBytes) ?? Infinity;
  if (file.size > limit) throw new Error(words().attachTooLarge(file.name, bytes(limit)));
  const url = await dataUrl(file);
  const attachment = {
    type: isImage ? "image" : "file",
    mimeType: file.type || "application/octet-stream",
    fileName: file.name,
    content: url.slice(url.indexOf(",") + 1),
    sizeBytes: file.size,
  };
  return { attachment, preview: isImage ? URL.createObjectURL(file) : null };
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
