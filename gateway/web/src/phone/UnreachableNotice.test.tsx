import { act, render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { expectAccessible } from "../test/axe";
import { answer, FakeServer, unreachable } from "../test/server";
import { Reach } from "./reach";
import { UnreachableNotice } from "./UnreachableNotice";

const user = userEvent.setup({ delay: null });
const shown = () => screen.queryByRole("alert");

async function opened(away: boolean) {
  const reach = new Reach(away);
  await act(async () =>
    render(
      <main>
        <h1>Page</h1>
        <UnreachableNotice from={reach} />
      </main>,
    ),
  );
}

const networkSays = (event: "online" | "offline") => act(async () => void window.dispatchEvent(new Event(event)));

test("a page from the gateway asks nothing and says nothing", async () => {
  const server = new FakeServer();
  await opened(false);
  expect(shown()).toBeNull();
  expect(server.asked).toEqual([]);
});

test("a page that the worker opened says so until the person's next try finds the gateway", async () => {
  const server = new FakeServer().on("GET /livez", unreachable);
  await opened(true);
  expect(shown()).toHaveTextContent("The server cannot be reached.");
  await expectAccessible();
  server.on("GET /livez", () => answer({}));
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(shown()).toBeNull();
});

test("a gateway that was only slow is found at once", async () => {
  new FakeServer().on("GET /livez", () => answer({}));
  await opened(true);
  expect(shown()).toBeNull();
});

test("a network that goes says nothing of a gateway on this machine, and one that comes back is noticed", async () => {
  const server = new FakeServer().on("GET /livez", () => answer({}));
  await opened(false);
  await networkSays("offline");
  expect(shown()).toBeNull();
  server.on("GET /livez", unreachable);
  await networkSays("offline");
  expect(shown()).toBeVisible();
  server.on("GET /livez", () => answer({}));
  await networkSays("online");
  expect(shown()).toBeNull();
});

test("it asks once at a time", async () => {
  const server = new FakeServer().on("GET /livez", () => new Promise(() => undefined));
  await opened(true);
  await networkSays("online");
  expect(server.asked).toHaveLength(1);
});
