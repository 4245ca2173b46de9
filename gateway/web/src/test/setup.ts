import "@testing-library/jest-dom/vitest";

import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

import { chooseLanguage } from "../words/language";
import { computeStylesOnce } from "./styles";

configure({ asyncUtilTimeout: 10_000 }); // a busy machine is no failure
computeStylesOnce();

// jsdom has the element, but not its methods
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false;
};
window.scrollTo = () => undefined;
Element.prototype.scrollIntoView ??= () => undefined;
window.matchMedia ??= (media) =>
  Object.assign(new EventTarget(), { media, matches: false }) as unknown as MediaQueryList;

afterEach(() => {
  cleanup();
  chooseLanguage(null);
  sessionStorage.clear();
  window.history.replaceState(null, "", "/");
});
