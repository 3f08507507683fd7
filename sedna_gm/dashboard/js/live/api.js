// Asks the GlobalManager, as every other client does. An error is a Refused, with the server's own sentence.

import { session, token } from "./session.js";

export const GROUP = "/apis/sedna.io/v1alpha1";

/** What the GlobalManager has refused, or that it could not be reached (code 0). */
export class Refused extends Error {
  constructor(code, reason, message, body = null) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.body = body;
  }
}

/** The address of a kind or of one resource; `namespace` empty: of all of them. */
export function address(plural, namespace, ...rest) {
  const group = plural === "events" ? "/api/v1" : GROUP;
  const parts = namespace ? ["namespaces", namespace, plural, ...rest] : [plural, ...rest];
  return `${group}/${parts.map(encodeURIComponent).join("/")}`;
}

async function call(method, path, { query, body, type, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(url, { method, headers, body: sent, signal, cache: "no-cache", credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "Unreachable", "The GlobalManager cannot be reached from here. It is tried again by itself.");
  }
  if (response.ok) return response;
  const status = await response.json().catch(() => null);
  if (response.status === 401) session.dispatchEvent(new Event("ended"));
  throw new Refused(response.status, status?.reason ?? "Unknown", status?.message ?? `HTTP ${response.status}`, status);
}

/** One call; gives the parsed JSON. */
export async function ask(method, path, options) {
  return (await call(method, path, options)).json();
}

/** One call; gives the bytes. */
export async function bytes(path, options) {
  return (await call("GET", path, options)).blob();
}

/** A stream of text as it comes, piece by piece. */
export async function* pieces(path, options) {
  const response = await call("GET", path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A stream of JSON lines, parsed. */
export async function* lines(path, options) {
  let rest = "";
  for await (const piece of pieces(path, options)) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

/** Changes a resource by a merge patch. */
export function patch(path, body) {
  return ask("PATCH", path, { body, type: "application/merge-patch+json" });
}
