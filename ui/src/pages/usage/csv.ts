// Tables as text for spreadsheets (RFC 4180). Pure but for the download.

export type Cell = string | number | undefined;

export function csv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  // Spreadsheets take a file without this mark for one of the system's old encoding.
  return `\uFEFF${[header, ...rows].map((row) => row.map(written).join(",")).join("\r\n")}\r\n`;
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

function written(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  // Spreadsheets run what begins like this as a formula; names come from models and people.
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
