// What a form needs to know of the JSON Schema of the configuration: which control a place gets, its words, and where it leads.

import { isBranch, type Path, type Tree } from "../../state/tree.ts";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly Tree[];
  readonly const?: Tree;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly description?: string;
  readonly default?: Tree;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly "x-secret"?: boolean;
  readonly "x-reload"?: "hot" | "restart" | "none";
}

export interface Option {
  readonly value: string | number | boolean;
  readonly description?: string | undefined;
}

/** How a place is edited. */
export type Control =
  | { readonly is: "switch" }
  | { readonly is: "choice"; readonly options: readonly Option[] }
  | { readonly is: "number"; readonly minimum?: number | undefined; readonly maximum?: number | undefined; readonly step: "1" | "any" }
  | { readonly is: "text" }
  | { readonly is: "secret" }
  /** A text a line. */
  | { readonly is: "texts" }
  | { readonly is: "object"; readonly keys: Readonly<Record<string, Schema>> }
  | { readonly is: "map"; readonly of: Schema }
  | { readonly is: "list"; readonly of: Schema }
  /** Nothing is known of it, or too much: JSON by hand. */
  | { readonly is: "json" };

export interface Place {
  readonly path: Path;
  readonly control: Control;
  readonly description: string;
  readonly default: Tree;
  readonly reload: "hot" | "restart" | "none";
}

/** Levels below which nothing is searched: schemas may hold themselves. */
const DEPTH_MAX = 10;

/** What `path`, whose schema this is, and which holds `value` now, needs. */
export function placeOf(root: Schema, schema: Schema, path: Path, value: Tree, parent: Pick<Place, "reload"> = { reload: "hot" }): Place {
  const whole = resolved(root, schema);
  return {
    path,
    control: controlOf(root, whole, value),
    description: whole.description ?? "",
    default: whole.default,
    reload: whole["x-reload"] ?? parent.reload,
  };
}

/** The places right below one, in the schema's order; keys that it doesn't know come last. */
export function below(root: Schema, place: Place, value: Tree): Place[] {
  const { control, path } = place;
  const child = (key: string | number, schema: Schema, inner: Tree) => placeOf(root, schema, [...path, key], inner, place);
  if (control.is === "list") return (Array.isArray(value) ? value : []).map((inner, index) => child(index, control.of, inner));
  const held = isBranch(value) ? value : {};
  if (control.is === "map") return Object.entries(held).map(([key, inner]) => child(key, control.of, inner));
  if (control.is !== "object") return [];
  const known = Object.entries(control.keys).map(([key, schema]) => child(key, schema, held[key]));
  const unknown = Object.keys(held).filter((key) => !(key in control.keys));
  return [...known, ...unknown.map((key) => child(key, {}, held[key]))];
}

/** Every place with a value of its own whose path or words hold all of these words. */
export function search(root: Schema, top: Place, value: Tree, query: string, limit: number): Place[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Place[] = [];
  const look = (place: Place, inner: Tree) => {
    if (found.length >= limit || place.path.length > DEPTH_MAX) return;
    const { is } = place.control;
    if (is === "object" || is === "map" || is === "list") {
      for (const child of below(root, place, inner)) look(child, valueIn(inner, child.path.at(-1)!));
      return;
    }
    if (!isOfUse(place, inner)) return;
    const text = `${place.path.join(".")} ${place.path.map((step) => titleOf(String(step))).join(" ")} ${place.description}`.toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(place);
  };
  look(top, value);
  return found;
}

/** What this version only keeps is not shown before somebody sets it. */
export function isOfUse({ reload, description }: Place, value: Tree): boolean {
  return value !== undefined || (reload !== "none" && !description.includes("No effect in this version"));
}

/** Whether what stands at a path is secret. */
export function isSecretAt(root: Schema, path: Path): boolean {
  let schema: Schema | undefined = root;
  for (const step of path) {
    if (!schema) return false;
    const whole: Schema = resolved(root, schema);
    if (whole["x-secret"]) return true;
    const all: Schema[] = variants(root, whole);
    const of = (one: Schema) => (typeof step === "number" ? one.items : (one.properties?.[step] ?? (typeof one.additionalProperties === "object" ? one.additionalProperties : undefined)));
    schema = all.map(of).find((one) => one !== undefined);
  }
  return schema !== undefined && resolved(root, schema)["x-secret"] === true;
}

/** `memoryHighWaterMb` as “Memory high water MB”. */
export function titleOf(key: string): string {
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").split(/[\s_-]+/).map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()));
  const known = words.map((word) => ACRONYMS[word] ?? word).join(" ");
  return known.charAt(0).toUpperCase() + known.slice(1);
}

const ACRONYMS: Readonly<Record<string, string>> = {
  api: "API", dm: "DM", http: "HTTP", https: "HTTPS", id: "ID", ids: "IDs", ip: "IP", json: "JSON", kb: "KB", mb: "MB", ms: "ms", tls: "TLS", tts: "TTS", ui: "UI", url: "URL", usd: "USD",
};

function controlOf(root: Schema, schema: Schema, value: Tree): Control {
  if (schema["x-secret"]) return { is: "secret" };
  const all = variants(root, schema);
  const options = all.map(optionsOf);
  if (all.length > 0 && options.every((some) => some !== null)) {
    const isSwitch = all.every(({ type }) => type === "boolean");
    return isSwitch ? { is: "switch" } : { is: "choice", options: options.flatMap((some) => some ?? []) };
  }
  const fits = value === undefined ? all : all.filter((one) => isOfType(one, value));
  const [one, ...others] = fits.length > 0 ? fits : all;
  if (!one || (others.length > 0 && one.type === "object" && others.some(({ type }) => type === "object"))) return { is: "json" };
  return controlOfType(root, one);
}

function controlOfType(root: Schema, schema: Schema): Control {
  switch (schema.type) {
    case "string":
      return { is: "text" };
    case "integer":
    case "number":
      return { is: "number", minimum: schema.minimum, maximum: schema.maximum, step: schema.type === "integer" ? "1" : "any" };
    case "boolean":
      return { is: "switch" };
    case "array": {
      if (!schema.items) return { is: "json" };
      const { is } = controlOf(root, resolved(root, schema.items), undefined);
      if (is === "text" || is === "choice") return { is: "texts" };
      return is === "object" ? { is: "list", of: schema.items } : { is: "json" };
    }
    case "object":
      if (schema.properties) return { is: "object", keys: schema.properties };
      return typeof schema.additionalProperties === "object" ? { is: "map", of: schema.additionalProperties } : { is: "json" };
    default:
      return { is: "json" };
  }
}

/** What can be chosen, if all that fits can be listed. */
function optionsOf({ type, enum: values, const: value, description }: Schema): Option[] | null {
  if (type === "boolean") return [{ value: true }, { value: false }];
  if (value !== undefined) return [{ value: value as Option["value"], description }];
  return values ? values.filter((one) => one !== null).map((one) => ({ value: one as Option["value"] })) : null;
}

function variants(root: Schema, schema: Schema): Schema[] {
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return several.flatMap((one) => variants(root, resolved(root, one))).filter(({ type }) => type !== "null");
  if (Array.isArray(schema.type)) return schema.type.filter((type) => type !== "null").map((type: string) => ({ ...schema, type }));
  return schema.type === undefined && schema.const === undefined && !schema.enum ? [] : [schema];
}

/** Without references; where one variant is left beside `null`, that one. What stands at the place itself goes before. */
function resolved(root: Schema, schema: Schema): Schema {
  const { $ref, ...own } = schema;
  if ($ref) return { ...resolved(root, root.$defs?.[$ref.replace("#/$defs/", "")] ?? {}), ...own };
  const real = schema.anyOf?.filter(({ type }) => type !== "null");
  if (!schema.anyOf || real?.length !== 1) return schema;
  const { anyOf: _, ...words } = own;
  return { ...resolved(root, real[0]!), ...words };
}

function isOfType({ type, properties }: Schema, value: Tree): boolean {
  if (Array.isArray(value)) return type === "array";
  if (isBranch(value)) return type === "object" && (!properties || Object.keys(value).every((key) => key in properties) || Object.keys(properties).length > 0);
  if (typeof value === "number") return type === "number" || type === "integer";
  return type === typeof value;
}

function valueIn(value: Tree, key: string | number): Tree {
  if (typeof key === "number") return Array.isArray(value) ? (value as Tree[])[key] : undefined;
  return isBranch(value) ? value[key] : undefined;
}
