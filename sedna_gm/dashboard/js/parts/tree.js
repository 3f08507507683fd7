// Draws descriptions of elements into the page and brings what is there to a new description, element by element, so
// that live data neither moves the focus nor makes the page jump. Text goes in as text; there is no way to give markup.

const SVG = "http://www.w3.org/2000/svg";
const states = new WeakMap();

/** Describes an element. Properties: `key`; `on` (handlers by event); `mount(element)`, which may return what undoes it;
 * `opaque` (its inside is somebody else's); `style` (values by name: the page's policy allows no style attribute);
 * `value`, `checked`; the rest are attributes, absent for null and false. */
export function h(tag, properties, ...children) {
  return { tag, properties: properties ?? {}, children: flat(children, []) };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child !== null && child !== undefined && child !== false && child !== "") {
      into.push(typeof child === "object" ? child : String(child));
    }
  }
  return into;
}

/** Makes the inside of an element what `children` describe. */
export function draw(parent, ...children) {
  bring(parent, flat(children, []));
}

function bring(parent, wanted) {
  const keyed = new Map();
  const loose = [];
  for (const node of parent.childNodes) {
    const key = states.get(node)?.key;
    if (key !== undefined) keyed.set(key, node);
    else loose.push(node);
  }
  const kept = new Set();
  let next = parent.firstChild;
  for (const one of wanted) {
    const node = found(one, keyed, loose, kept) ?? made(one, parent);
    kept.add(node);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
    if (typeof one === "string") {
      if (node.data !== one) node.data = one;
    } else change(node, one);
  }
  for (const node of [...parent.childNodes]) if (!kept.has(node)) leave(node);
}

function found(one, keyed, loose, kept) {
  if (typeof one === "string") return loose.find((node) => node.nodeType === 3 && !kept.has(node));
  const key = one.properties.key;
  if (key === undefined) return loose.find((node) => node.nodeType === 1 && node.localName === one.tag && !kept.has(node));
  const node = keyed.get(String(key));
  return node && node.localName === one.tag && !kept.has(node) ? node : undefined;
}

function made(one, parent) {
  if (typeof one === "string") return document.createTextNode(one);
  const inside = parent.namespaceURI === SVG && parent.localName !== "foreignObject";
  const node = one.tag === "svg" || inside ? document.createElementNS(SVG, one.tag) : document.createElement(one.tag);
  const key = one.properties.key === undefined ? undefined : String(one.properties.key);
  states.set(node, { key, handlers: {}, attributes: {}, undo: null });
  return node;
}

function change(node, { properties, children }) {
  const state = states.get(node);
  const isNew = !state.drawn;
  state.drawn = true;
  listen(node, state, properties.on ?? {});
  attribute(node, state, properties);
  for (const [name, value] of Object.entries(properties.style ?? {})) node.style.setProperty(name, value);
  if (!properties.opaque) bring(node, children);
  // Values last: an option must be there before it is chosen. What somebody is typing is theirs.
  if ("value" in properties && (isNew || document.activeElement !== node) && node.value !== properties.value) {
    node.value = properties.value;
  }
  if ("checked" in properties) node.checked = properties.checked;
  if (isNew && properties.mount) state.undo = properties.mount(node) ?? null;
}

const OURS = new Set(["key", "on", "mount", "opaque", "value", "checked", "style"]);

function attribute(node, state, properties) {
  for (const name of Object.keys(state.attributes)) {
    if (!(name in properties)) write(node, state, name, null);
  }
  for (const [name, value] of Object.entries(properties)) if (!OURS.has(name)) write(node, state, name, value);
}

function write(node, state, name, value) {
  const text = value === null || value === undefined || value === false ? null : value === true ? "" : String(value);
  if (state.attributes[name] === text) return;
  state.attributes[name] = text;
  if (text === null) node.removeAttribute(name);
  else node.setAttribute(name, text);
}

function listen(node, state, handlers) {
  for (const type of Object.keys(handlers)) {
    if (!(type in state.handlers)) node.addEventListener(type, (event) => state.handlers[type]?.(event));
  }
  for (const type of Object.keys(state.handlers)) state.handlers[type] = handlers[type];
  Object.assign(state.handlers, handlers);
}

function leave(node) {
  undo(node);
  node.remove();
}

function undo(node) {
  for (const child of node.childNodes) undo(child);
  const state = states.get(node);
  if (state?.undo) {
    state.undo();
    state.undo = null;
  }
}

/** Draws at most once a frame, however often it is asked. */
export function soon(work) {
  let asked = 0;
  const ask = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      work();
    });
  };
  ask.stop = () => {
    cancelAnimationFrame(asked);
    asked = -1;
  };
  return ask;
}
