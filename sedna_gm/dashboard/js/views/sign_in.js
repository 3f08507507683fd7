// Asks for a token, where the GlobalManager asks for one; and for the namespace, where a token is for some of them only.

import { namespace, showNamespace, signIn } from "../live/session.js";
import { draw, h } from "../parts/tree.js";

/** `said`: what the GlobalManager has said about the token before; `isKnown`: it is one, but not for all namespaces. */
export function signInPage(place, { said, isKnown }, again) {
  document.title = "Sign in · Sedna";
  const send = (event) => {
    event.preventDefault();
    const given = event.target.elements;
    if (given.token.value.trim()) signIn(given.token.value.trim());
    showNamespace(given.namespace.value.trim());
    again();
  };
  draw(
    place,
    h("form", { class: "sign-in panel", on: { submit: send } }, [
      h("h1", {}, "Sign in"),
      h("p", { class: "muted" }, "This GlobalManager asks everybody for a token. It stays in this window and ends with it."),
      said ? h("p", { class: "note", "data-tone": "bad", role: "alert" }, said) : null,
      h("label", {}, [
        "Token",
        h("input", { type: "password", name: "token", autocomplete: "off", required: !isKnown, autofocus: true, placeholder: isKnown ? "As before" : null }),
      ]),
      h("label", {}, [
        h("span", {}, ["Namespace ", h("span", { class: "muted" }, "– empty, if the token is for all of them")]),
        h("input", { type: "text", name: "namespace", value: namespace(), spellcheck: "false", placeholder: isKnown ? "default" : null }),
      ]),
      h("div", { class: "buttons" }, h("button", { class: "button main", type: "submit" }, "Sign in")),
      h("p", { class: "small muted" }, [
        "Whoever administers the GlobalManager makes tokens on its host: ",
        h("code", {}, "sedna-gm token create NAME --role editor"),
      ]),
    ]),
  );
  place.querySelector("input").focus();
}
