import { expect, test } from "vitest";

import { controlAt, controlsIn, nameOf } from "./controls";

const names = () => controlsIn(document).map((element) => element.id);
const byId = (id: string) => document.getElementById(id) as HTMLElement;

test("every kind of control is found, the commands first, then the content", () => {
  document.body.innerHTML = `
    <a href="#main" id="skip">Skip</a>
    <header><a href="/" id="home">Home</a></header>
    <main tabindex="-1" id="main"><h1 tabindex="-1" id="h1">Title</h1>
      <button id="button">b</button><a href="/x" id="link">l</a><input id="text"><input type="radio" id="radio">
      <input type="checkbox" id="check"><input type="range" id="range"><select id="select"><option>o</option></select>
      <textarea id="area"></textarea><details><summary id="summary">s</summary></details><div tabindex="0" id="own">d</div>
      <p>text</p></main>
    <footer><button id="foot">f</button></footer>`;
  byId("summary").dataset["command"] = "start";
  const content = ["button", "link", "text", "radio", "check", "range", "select", "area", "own"];
  expect(names()).toEqual(["summary", ...content, "home", "foot"]);
});

test.each([
  `<button id="x" disabled>a</button>`,
  `<fieldset disabled><button id="x">a</button></fieldset>`,
  `<button id="x" aria-disabled="true">a</button>`,
  `<button id="x" tabindex="-1">a</button>`,
  `<button id="x" hidden>a</button>`,
  `<div hidden><button id="x">a</button></div>`,
  `<div style="display: none"><button id="x">a</button></div>`,
  `<div inert><button id="x">a</button></div>`,
  `<input type="hidden" id="x">`,
  `<a id="x">no address</a>`,
])("a control that cannot be used is left out: %s", (html) => {
  document.body.innerHTML = html;
  expect(names()).toEqual([]);
});

test("a browser that knows whether an element is seen is asked", () => {
  document.body.innerHTML = `<button id="a">a</button><button id="b">b</button>`;
  byId("a").checkVisibility = () => false;
  byId("b").checkVisibility = () => true;
  expect(names()).toEqual(["b"]);
});

test("while a dialog asks, its controls are the only ones, and the last dialog is in front", () => {
  document.body.innerHTML = `<main><button id="a">a</button></main>
    <dialog open><button id="b">b</button></dialog><dialog open><button id="c">c</button></dialog>
    <dialog><button id="d">d</button></dialog>`;
  expect(names()).toEqual(["c"]);
});

test.each([
  ["a part of a button", `<button id="x">a <b data-here>b</b></button>`, "x"],
  ["a label", `<label data-here for="x">l</label><input type="checkbox" id="x">`, "x"],
  ["a part of a label", `<label><b data-here>l</b><input type="checkbox" id="x"></label>`, "x"],
  ["a label of nothing", `<label data-here>l</label>`, undefined],
  ["text", `<p data-here>p</p>`, undefined],
  ["a button that is blocked", `<button aria-disabled="true" data-here>b</button>`, undefined],
])("the control at %s", (_, html, id) => {
  document.body.innerHTML = html;
  expect(controlAt(document.querySelector("[data-here]"))?.id).toBe(id);
});

test("outside the window there is no control", () => {
  expect(controlAt(null)).toBeNull();
});

test.each([
  [`<button id="x" aria-label="Close">×</button>`, "Close"],
  [`<b id="l1">One</b><b id="l2">two</b><input id="x" aria-labelledby="l1 l2">`, "One"],
  [`<label for="x">Name</label><input id="x">`, "Name"],
  [
    `<button id="x">  Keep
     it </button>`,
    "Keep it",
  ],
  [`<a href="/" id="x" title="First page"></a>`, "First page"],
  [`<button id="x" aria-labelledby="gone"></button>`, ""],
  [`<button id="x">${"a".repeat(200)}</button>`, "a".repeat(80)],
])("the name of %s", (html, name) => {
  document.body.innerHTML = html;
  expect(nameOf(byId("x"))).toBe(name);
});
