// How busy nodes are, asked of each: one after the other, since each answer waits for a host and holds a connection.

import { nodeState } from "../logic/jobs.js";
import { address, ask } from "./api.js";

const MOST = 40;

/** The use of each node that is Ready, by name; null for one that did not answer. */
export async function loadsOf(nodes, signal) {
  const found = {};
  for (const { metadata } of [...nodes].filter((node) => nodeState(node)[0] === "good").slice(0, MOST)) {
    found[metadata.name] = await ask("GET", address("nodes", "", metadata.name, "usage"), { signal }).catch(() => null);
  }
  return found;
}
