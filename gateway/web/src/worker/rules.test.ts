import { expect, test } from "vitest";

import { fullIcon, pagePaths, shellList } from "../../webapp.mjs";
import icon from "../icon.svg?raw";
import { ROUTES } from "../routes";
import routes from "../routes.ts?raw";
import {
  cacheName,
  fileUrls,
  isOfThisVersion,
  isUnreachable,
  keptShell,
  oldCaches,
  sourceOf,
  type ShellList,
} from "./rules";

const LIST: ShellList = {
  version: "v2",
  script: "index-a1.js",
  files: ["icon-c3.svg", "index-a1.js", "index-b2.css"],
  pages: ROUTES.map(({ path }) => path),
};
const BASE = "https://host.example/a3cp/";

interface Asking {
  readonly method?: string;
  readonly mode?: string;
  readonly token?: boolean;
}

function source(path: string, { method = "GET", mode = "navigate", token = false }: Asking = {}, base = BASE) {
  const headers = new Headers(token ? { Authorization: "Bearer s3cret" } : {});
  return sourceOf({ method, url: new URL(path, base).href, mode, headers }, base, LIST);
}

test.each(["", "live", "demo/gesture", "library?verdict=keep", "library/capture/cap_1", "library/person/anna"])(
  "the document of the page /%s is answered with the shell",
  (path) => {
    expect(source(path)).toBe("shell");
    expect(source(path, {}, "https://host.example/")).toBe("shell");
    expect(source(path, { mode: "cors" })).toBe("network"); // a script asks for data, not for a document
  },
);

test.each(LIST.files)("the built file %s is answered from the cache", (name) => {
  expect(source(`static/assets/${name}`, { mode: "cors" })).toBe("file");
});

test.each([
  "captures/cap_1",
  "captures/cap_1/picture",
  "library/captures",
  "library/captures/cap_1/motion",
  "library/summary",
  "library/person/",
  "session_manager/sessions.start",
  "consent",
  "studies",
  "studies/first/pictures/more.png",
  "video/results/up_1",
  "livez",
  "readyz",
  "docs/openapi.json",
  "worker.js",
  "manifest.webmanifest",
  "static/assets/index-a1.js?x",
  "static/assets/another-d4.js",
  "static/index-a1.js",
])("%s is left to the network, as a request and as a document", (path) => {
  expect(source(path, { mode: "cors" })).toBe("network");
  expect(source(path)).toBe("network");
});

test("nothing is answered that changes something, carries a token, or belongs to another address", () => {
  for (const path of ["", "static/assets/index-a1.js"]) {
    expect(source(path, { method: "POST" })).toBe("network");
    expect(source(path, { token: true })).toBe("network");
  }
  expect(source("https://other.example/a3cp/live")).toBe("network");
  expect(source("https://host.example/live")).toBe("network");
});

test("a gateway removes its own old caches, not those of a gateway below another path", () => {
  const [own, old] = [cacheName(BASE, LIST), cacheName(BASE, { ...LIST, version: "v1" })];
  const others = [cacheName("https://host.example/", LIST), cacheName("https://host.example/b/", LIST), "another-app"];
  expect(oldCaches([own, old, ...others], BASE, LIST)).toEqual([old]);
});

test("the shell that is kept fits every page, and says that the gateway did not answer", () => {
  const shell =
    '<html lang="en"><link href="manifest.webmanifest"><script src="static/assets/index-a1.js"></script></html>';
  expect(isOfThisVersion(shell, LIST)).toBe(true);
  expect(isOfThisVersion(shell, { ...LIST, script: "index-z9.js" })).toBe(false);
  expect(keptShell(shell, BASE)).toBe(
    '<html data-gateway="unreachable" lang="en"><link href="/a3cp/manifest.webmanifest">' +
      '<script src="/a3cp/static/assets/index-a1.js"></script></html>',
  );
  expect(fileUrls(BASE, LIST)).toContain("https://host.example/a3cp/static/assets/index-a1.js");
});

test("a proxy's answer without a gateway counts as none", () => {
  expect([200, 304, 401, 404, 500, 502, 503, 504].filter(isUnreachable)).toEqual([502, 503, 504]);
});

test("the build tells the worker every page and every file that pages load, and a version that changes with them", () => {
  expect(pagePaths(routes)).toEqual(LIST.pages);
  const shell = '<script src="./assets/index-a1.js"></script>';
  const names = ["index.html", "worker.js", "manifest.webmanifest", "assets/icon-any-192-0.png"];
  const built = shellList(shell, [...LIST.files.map((name) => `assets/${name}`), ...names], LIST.pages);
  expect(built).toEqual({ ...LIST, version: expect.stringMatching(/^[0-9a-f]{12}$/) });
  expect(shellList(`${shell} `, names, LIST.pages).version).not.toBe(shellList(shell, names, LIST.pages).version);
  expect(() => shellList("", names, LIST.pages)).toThrow("no script");
});

test("an icon that a phone cuts is full of the icon's own colour", () => {
  expect(fullIcon(icon)).toMatch(/<rect width="32" height="32" fill="#0b5c6b"\/><svg x="3" y="3" width="26"/);
});
