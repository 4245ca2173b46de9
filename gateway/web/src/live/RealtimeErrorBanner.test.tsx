import { act, screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";

import { expectAccessible } from "../test/axe";
import { faceResult, installLiveSockets, PIPELINES } from "../test/liveSocket";
import { renderPage } from "../test/page";
import { answer, FakeServer, unreachable } from "../test/server";
import { LIVE_CODES, liveFailure } from "./failures";
import { RealtimeErrorBanner } from "./RealtimeErrorBanner";
import { RealtimeProvider } from "./RealtimeContext";
import { useRealtime } from "./useRealtime";

const LIST = "GET /pipelines";
const banner = () => screen.getByRole("alert");

function Stage() {
  const { connect } = useRealtime();
  return (
    <main>
      <h1>Stage</h1>
      <button type="button" onClick={() => connect("face")}>
        connect
      </button>
      <RealtimeErrorBanner />
    </main>
  );
}

function connected() {
  const server = new FakeServer().on(LIST, () => answer(PIPELINES));
  const sockets = installLiveSockets();
  const { user } = renderPage(
    <RealtimeProvider>
      <Stage />
    </RealtimeProvider>,
  );
  act(() => screen.getByRole("button", { name: "connect" }).click());
  sockets.latest().opens();
  return { user, server, sockets, socket: sockets.latest() };
}

describe("RealtimeErrorBanner", () => {
  test("is empty while nothing is wrong", async () => {
    connected();
    expect(banner()).toBeEmptyDOMElement();
    await expectAccessible();
  });

  test.each(LIVE_CODES)("shows %s with its code, a sentence of its own, and Retry", async (code) => {
    const { socket } = connected();
    socket.says({ error: code, detail: "for engineers" });
    expect(banner()).toHaveTextContent(liveFailure(code).sentence);
    expect(banner()).toHaveTextContent(code);
    expect(screen.getByRole("button", { name: "Retry" })).toBeVisible();
    await expectAccessible();
  });

  test("every code has a sentence of its own, without the code in it", () => {
    const sentences = LIVE_CODES.map((code) => liveFailure(code).sentence);
    expect(new Set(sentences).size).toBe(LIVE_CODES.length);
    for (const sentence of sentences) expect(sentence).not.toMatch(/_/);
  });

  test("Retry connects again", async () => {
    const { user, sockets, socket } = connected();
    socket.says({ error: "pipeline_failure", detail: "" });
    await user.click(screen.getByRole("button", { name: "Retry" }));
    await waitFor(() => expect(sockets.all).toHaveLength(2));
    expect(sockets.latest().url).toMatch(/pipeline_id=face$/);
  });

  test("goes away at the first result", async () => {
    const { user, sockets, socket } = connected();
    socket.says({ error: "pipeline_failure", detail: "" });
    await user.click(screen.getByRole("button", { name: "Retry" }));
    await waitFor(() => expect(sockets.all).toHaveLength(2));
    sockets.latest().opens();
    expect(banner()).toHaveTextContent("pipeline_failure");
    sockets.latest().says(faceResult(0));
    expect(banner()).toBeEmptyDOMElement();
  });

  test("a lost connection has Reconnect, and goes away when it is there again", async () => {
    const { user, sockets, socket } = connected();
    socket.ends();
    expect(banner()).toHaveTextContent(/connection to the server was lost.*connection_lost/);
    await user.click(screen.getByRole("button", { name: "Reconnect" }));
    await waitFor(() => expect(sockets.all).toHaveLength(2));
    expect(screen.getByRole("button", { name: "Reconnect" })).toHaveAttribute("aria-busy", "true");
    sockets.latest().opens();
    expect(banner()).toBeEmptyDOMElement();
  });

  test("a server that is still away is said so, and Reconnect stays", async () => {
    const { user, server, socket } = connected();
    server.on(LIST, unreachable);
    socket.ends();
    await user.click(screen.getByRole("button", { name: "Reconnect" }));
    expect(await screen.findByText("network_error")).toBeVisible();
    expect(screen.getByRole("button", { name: "Reconnect" })).not.toHaveAttribute("aria-busy");
  });
});
