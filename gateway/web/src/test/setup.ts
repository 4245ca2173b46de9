import "@testing-library/jest-dom/vitest";

import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, vi } from "vitest";

import { rememberGlobals } from "./globals";
import { computeStylesOnce } from "./styles";

// A process runs many files, since to start one costs more than most files' tests. So each file begins here with modules
// and globals as no other file left them. Packages are shared: React and Testing Library keep nothing after `cleanup`.
vi.resetModules();
const { chooseLanguage } = await import("../words/language");
const restoreGlobals = rememberGlobals();

configure({ asyncUtilTimeout: 100_000 }); // a busy machine is no failure
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

afterAll(() => {
  vi.useRealTimers();
  localStorage.clear();
  document.head.replaceChildren();
  document.body.replaceChildren();
  for (const name of document.documentElement.getAttributeNames()) document.documentElement.removeAttribute(name);
  restoreGlobals();
});
