// Who looks, and at what: the token and the namespace of this window. Both stay in this window's session storage, never
// in an address, and end with the window.

const TOKEN = "sedna.token";
const NAMESPACE = "sedna.namespace";

/** Fires `ended` when the GlobalManager no longer lets this window in, or somebody signs out. */
export const session = new EventTarget();

export const token = () => sessionStorage.getItem(TOKEN) ?? "";

export function signIn(text) {
  sessionStorage.setItem(TOKEN, text);
}

/** Forgets the token, which is good for nothing. */
export const forget = () => sessionStorage.removeItem(TOKEN);

export function signOut() {
  forget();
  session.dispatchEvent(new Event("ended"));
}

/** The namespace that is shown; empty: all of them. */
export const namespace = () => sessionStorage.getItem(NAMESPACE) ?? "";

export function showNamespace(name) {
  sessionStorage.setItem(NAMESPACE, name);
}
