// What makes the pages a web app that a phone installs: the manifest, its icons, and the list of files in worker.js.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const MANIFEST = "manifest.webmanifest";
const WORKER = "worker.js";
const PLACE = /(["'`])__A3CP_SHELL__\1/;
/** The suffixes of the files that the shell needs. The icons of the manifest are only for the installation. */
const OF_THE_SHELL = /^assets\/[^/]+\.(js|css|svg|woff2)$/;
/** Chrome wants 192 and 512, also as masks; 180 is the icon on an iPhone's first screen. */
const ICONS = [
  { size: 192, purpose: "any" },
  { size: 512, purpose: "any" },
  { size: 192, purpose: "maskable" },
  { size: 512, purpose: "maskable" },
  { size: 180, purpose: "apple" },
];

/** The paths of the pages, as `src/routes.ts` has them: it imports the pages, so the worker cannot import it. */
export function pagePaths(routes) {
  return [...routes.matchAll(/\{ path: "(\/[^"]*)"/g)].map(([, path]) => path);
}

/** The list of what worker.js keeps, from the built index.html and the names of all built files. */
export function shellList(shell, names, pages) {
  const script = /assets\/([^"]+\.js)"/.exec(shell)?.[1];
  if (!script) throw new Error("index.html names no script.");
  const files = names.filter((name) => OF_THE_SHELL.test(name)).map((name) => name.slice("assets/".length));
  files.sort();
  const version = hash(JSON.stringify([shell, files, pages]));
  return { version, script, files, pages: [...pages] };
}

/** The icon without round corners, its drawing within the middle 80 %, because a phone cuts the rest off. */
export function fullIcon(svg) {
  const ground = /fill="(#[0-9a-f]+)"/i.exec(svg)?.[1];
  const drawing = svg.replace("<svg ", '<svg x="3" y="3" width="26" height="26" ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="${ground}"/>${drawing}</svg>`;
}

/** The plugin for `vite build`. `npm run dev` has no worker and no manifest. */
export function webApp() {
  let icons = [];
  return {
    name: "a3cp-web-app",
    apply: "build",
    async buildStart() {
      icons = await drawn(await readFile("src/icon.svg", "utf8"));
      for (const { fileName, source } of icons) this.emitFile({ type: "asset", fileName, source });
    },
    transformIndexHtml() {
      const apple = icons.find(({ purpose }) => purpose === "apple");
      return [
        // the credentials are for a proxy that asks for a password
        {
          tag: "link",
          attrs: { rel: "manifest", href: `./${MANIFEST}`, crossorigin: "use-credentials" },
          injectTo: "head",
        },
        { tag: "link", attrs: { rel: "apple-touch-icon", href: `./${apple.fileName}` }, injectTo: "head" },
      ];
    },
    generateBundle: {
      order: "post",
      async handler(_options, bundle) {
        const shell = String(bundle["index.html"].source);
        const worker = bundle[WORKER];
        if (/\bimport\b/.test(worker.code)) throw new Error("worker.js must be one file: it shares code with a page.");
        const pages = pagePaths(await readFile("src/routes.ts", "utf8"));
        const list = JSON.stringify(shellList(shell, Object.keys(bundle), pages));
        if (!PLACE.test(worker.code)) throw new Error("worker.js has no place for the list of files.");
        worker.code = worker.code.replace(PLACE, () => JSON.stringify(list));
        const svg = Object.keys(bundle).find((name) => /^assets\/icon-.*\.svg$/.test(name));
        this.emitFile({ type: "asset", fileName: MANIFEST, source: JSON.stringify(manifest(icons, svg), null, 2) });
      },
    },
  };
}

/** Addresses in a manifest are relative to the manifest, so it fits below any path. */
function manifest(icons, svg) {
  const pictures = icons.filter(({ purpose }) => purpose !== "apple");
  return {
    name: "A3CP gesture captures",
    short_name: "A3CP",
    description: "Records gestures as the positions of hands, face and body. No picture is stored.",
    lang: "en",
    start_url: "./",
    scope: "./",
    display: "standalone",
    background_color: "#0b5c6b",
    theme_color: "#0b5c6b",
    icons: [
      { src: `./static/${svg}`, sizes: "any", type: "image/svg+xml" },
      ...pictures.map(({ fileName, size, purpose }) => ({
        src: `./static/${fileName}`,
        sizes: `${size}x${size}`,
        type: "image/png",
        purpose,
      })),
    ],
  };
}

async function drawn(svg) {
  // loaded only by a build, so that everything else works without it
  const { initWasm, Resvg } = await import("@resvg/resvg-wasm");
  const wasm = createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm");
  await initWasm(await readFile(wasm)).catch((error) => {
    if (!/already/i.test(String(error))) throw error; // a second build in the same process
  });
  return ICONS.map(({ size, purpose }) => {
    const picture = purpose === "any" ? svg : fullIcon(svg);
    const source = new Resvg(picture, { fitTo: { mode: "width", value: size } }).render().asPng();
    return { size, purpose, source, fileName: `assets/icon-${purpose}-${size}-${hash(source)}.png` };
  });
}

function hash(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}
