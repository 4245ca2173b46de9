import { screen, waitFor, within } from "@testing-library/react";

import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { answer, FakeServer, unreachable } from "../test/server";
import { HomePage } from "./HomePage";

const READY = "GET /readyz";
const server = () => screen.getByRole("status", { name: "Server" });

test("it says what this is, and leads in", async () => {
  new FakeServer().on(READY, () => answer({ status: "ready" }));
  renderPage(<HomePage />);
  expect(screen.getByRole("heading", { level: 1 })).toBeVisible();
  const [first] = within(screen.getByRole("main")).getAllByRole("link");
  expect(first).toHaveAccessibleName("Record a gesture");
  expect(first).toHaveAttribute("href", "/demo/gesture");
  expect(screen.getByRole("link", { name: "Record a study" })).toHaveAttribute("href", "/record");
  expect(screen.getByRole("link", { name: "Open the live view" })).toHaveAttribute("href", "/live");
  expect(screen.getByRole("link", { name: "Upload a video" })).toHaveAttribute("href", "/upload");
  expect(screen.getByRole("link", { name: "Open the library" })).toHaveAttribute("href", "/library");
  expect(screen.getByRole("link", { name: "the interfaces" })).toHaveAttribute("href", "/docs");
  expect(screen.getByText(/never writes the\s+pictures to a disk/)).toBeVisible();
  await waitFor(() => expect(server()).toHaveTextContent("everything is running"));
  await expectAccessible();
});

test("it names what is missing, and looks again when asked to", async () => {
  const sentence = "no extractor is running";
  const fake = new FakeServer().on(READY, () => answer({ status: "unready", missing: [sentence] }, 503));
  const { user } = renderPage(<HomePage />);
  await waitFor(() => expect(server()).toHaveTextContent("not ready"));
  expect(screen.getByText(sentence)).toBeVisible();
  await expectAccessible();
  fake.on(READY, () => answer({ status: "ready" }));
  await user.click(screen.getByRole("button", { name: "Check again" }));
  await waitFor(() => expect(server()).toHaveTextContent("everything is running"));
  expect(screen.queryByText(sentence)).toBeNull();
});

test.each([
  ["network_error", unreachable],
  ["unexpected_answer", () => new Response("<h1>Bad gateway</h1>", { status: 502 })],
  ["unexpected_answer", () => answer({}, 500)],
])("a server that does not say so (%s) is told with its code", async (code, reply) => {
  new FakeServer().on(READY, reply);
  renderPage(<HomePage />);
  await waitFor(() => expect(server()).toHaveTextContent("cannot be reached"));
  expect(screen.getByText(code)).toBeVisible();
});
