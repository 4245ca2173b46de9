import { act, render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";

import { App } from "./App";
import { ROUTES } from "./routes";
import { expectAccessible } from "./test/axe";
import { FakeServer, held } from "./test/server";
import { words } from "./words";

beforeEach(() => new FakeServer().on("GET /readyz", held().reply));

function open(path: string) {
  window.history.replaceState(null, "", path);
  render(<App />);
  return userEvent.setup({ delay: null });
}

const title = () => screen.getByRole("heading", { level: 1 });

test.each(ROUTES)("$path has one heading, its landmarks and its title", async (route) => {
  open(route.path);
  expect(await screen.findAllByRole("heading", { level: 1 })).toHaveLength(1);
  expect(screen.getByRole("main")).toContainElement(title());
  expect(screen.getByRole("navigation", { name: "Pages" })).toBeVisible();
  expect(document.title).toBe(`${words().common.titles[route.title]} · A3CP`);
  await expectAccessible();
});

test("the navigation begins with what the product is for, and has the sessions' page nowhere", () => {
  open("/live");
  const links = within(screen.getByRole("navigation")).getAllByRole("link");
  expect(links.map((link) => link.getAttribute("href"))).toEqual(["/demo/gesture", "/live", "/upload", "/library"]);
  expect(links[0]).toHaveAccessibleName("Record a gesture");
  expect(screen.queryAllByRole("link").filter((link) => link.getAttribute("href") === "/demo/session")).toEqual([]);
  expect(links[1]).toHaveAttribute("aria-current", "page");
  expect(links[0]).not.toHaveAttribute("aria-current");
  expect(screen.getByRole("link", { name: "A3CP" })).toHaveAttribute("href", "/");
});

test("a link changes the page without loading it, and a screen reader reads on at its heading", async () => {
  const user = open("/");
  await user.click(within(screen.getByRole("navigation")).getByRole("link", { name: "Upload" }));
  expect(window.location.pathname).toBe("/upload");
  expect(title()).toHaveFocus();
  expect(document.title).toBe("Upload a video · A3CP");
});

test("the browser's way back works", async () => {
  const user = open("/");
  await user.click(within(screen.getByRole("navigation")).getByRole("link", { name: "Upload" }));
  const went = new Promise((resolve) => window.addEventListener("popstate", resolve, { once: true }));
  await act(async () => {
    window.history.back();
    await went;
  });
  expect(window.location.pathname).toBe("/");
  expect(document.title).toBe("Welcome · A3CP");
});

test("a click that opens another tab is the browser's", async () => {
  const user = open("/");
  const link = within(screen.getByRole("navigation")).getByRole("link", { name: "Upload" });
  const seen = vi.fn<(event: MouseEvent) => void>((event) => event.preventDefault()); // jsdom opens no tab
  window.addEventListener("click", seen);
  await user.keyboard("{Control>}");
  await user.click(link);
  await user.keyboard("{/Control}");
  window.removeEventListener("click", seen);
  expect(seen).toHaveBeenCalledOnce();
  expect(window.location.pathname).toBe("/");
});

test("the keyboard's first stop leads past the navigation", async () => {
  const user = open("/");
  await user.tab();
  expect(document.activeElement).toHaveTextContent("Skip to the page");
  expect(document.activeElement).toHaveAttribute("href", "#main");
  expect(screen.getByRole("main")).toHaveAttribute("id", "main");
});

test("an address without a page says so, and leads back", async () => {
  open("/demo/nothing");
  expect(title()).toHaveTextContent("There is no page here");
  expect(screen.getByRole("link", { name: "Go to the first page." })).toHaveAttribute("href", "/");
  await expectAccessible();
});

test.each([true, false])("a reload asks while a session is open (%s), and only then", (isOpen) => {
  const session = { sessionId: "sess_0123456789abcdef", userId: "anna-1", performerId: "bea" };
  if (isOpen) sessionStorage.setItem("a3cp.session", JSON.stringify(session));
  open("/");
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(isOpen);
});
