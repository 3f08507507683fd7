// The part of the address after `#`, read and written. Pure.

const ROUTES = [
  ["overview", []],
  ["nodes", ["nodes"]],
  ["node", ["nodes", ":node"]],
  ["worker", ["workers", ":namespace", ":worker"]],
  ["job", ["jobs", ":namespace", ":job"]],
  ["training", ["jobs", ":namespace", ":job", "training"]],
  ["examples", ["jobs", ":namespace", ":job", "examples"]],
  ["label", ["jobs", ":namespace", ":job", "examples", ":example"]],
];

/** What a hash names: `{name, …parameters, query}`; `{name: "missing"}` for what there is not. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  for (const [name, pattern] of ROUTES) {
    const values = match(pattern, parts);
    if (values) return { name, ...values, query: Object.fromEntries(new URLSearchParams(query)) };
  }
  return { name: "missing", query: {} };
}

function match(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const values = {};
  for (const [place, step] of pattern.entries()) {
    if (step.startsWith(":")) values[step.slice(1)] = parts[place];
    else if (step !== parts[place]) return null;
  }
  return values;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The hash of a view; `query` may hold what the view remembers. */
export function link(name, values = {}, query = {}) {
  const pattern = ROUTES.find(([known]) => known === name)[1];
  const path = pattern.map((step) => (step.startsWith(":") ? encodeURIComponent(values[step.slice(1)]) : step)).join("/");
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${path}${said ? `?${said}` : ""}`;
}
