import { act, renderHook, screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";

import { TokenProvider } from "../api/token";
import { renderPage } from "../test/page";
import { faceResult, installLiveSockets, PIPELINES } from "../test/liveSocket";
import { answer, FakeServer, held, refusal, unreachable } from "../test/server";
import { RealtimeProvider } from "./RealtimeContext";
import { useRealtime } from "./useRealtime";

const LIST = "GET /pipelines";

function wrapper({ children }: { readonly children: React.ReactNode }) {
  return (
    <TokenProvider>
      <RealtimeProvider>{children}</RealtimeProvider>
    </TokenProvider>
  );
}

function connected() {
  const sockets = installLiveSockets();
  const { result, unmount } = renderHook(useRealtime, { wrapper });
  act(() => result.current.connect("holistic"));
  sockets.latest().opens();
  return { sockets, server: sockets.latest(), now: () => result.current, unmount };
}

function Child() {
  const { state, connect } = useRealtime();
  return (
    <button type="button" onClick={() => connect("holistic")}>
      {state.status} {state.lastResult?.frame_index}
    </button>
  );
}

test("the context gives its state to children", () => {
  const sockets = installLiveSockets();
  renderPage(
    <RealtimeProvider>
      <Child />
    </RealtimeProvider>,
  );
  const button = screen.getByRole("button");
  expect(button).toHaveTextContent("disconnected");
  act(() => button.click());
  expect(button).toHaveTextContent("connecting");
  sockets.latest().opens();
  sockets.latest().says(faceResult(7));
  expect(button).toHaveTextContent("connected 7");
});

test("useRealtime outside of its provider is a mistake, and says so", () => {
  expect(() => renderHook(useRealtime)).toThrow(/RealtimeProvider/);
});

test("connect, disconnect and sendFrame stay the same functions, whatever is told", () => {
  const { now, server } = connected();
  const { connect, disconnect, sendFrame, client } = now();
  server.says(faceResult(0));
  expect(now()).toMatchObject({ connect, disconnect, sendFrame, client });
});

test("sendFrame sends, disconnect ends", () => {
  const { now, server } = connected();
  now().sendFrame(new Uint8Array([1]));
  expect(server.sent).toHaveLength(1);
  act(() => now().disconnect());
  expect(now().state.status).toBe("disconnected");
  expect(server.closed).toBe(true);
});

test("reconnect asks over HTTP first, then connects to the same pipeline", async () => {
  const { reply, release } = held();
  new FakeServer().on(LIST, reply);
  const { now, server, sockets } = connected();
  server.ends();
  act(() => void now().reconnect());
  expect(now().asking).toBe(true);
  expect(sockets.all).toHaveLength(1);
  release(answer(PIPELINES));
  await waitFor(() => expect(sockets.all).toHaveLength(2));
  expect(sockets.latest().url).toMatch(/pipeline_id=holistic$/);
  expect(now()).toMatchObject({ asking: false, state: { status: "connecting" } });
});

test.each([
  ["no server", unreachable, "network_error"],
  ["the lane is switched off", () => refusal(404, "not_found"), "lane_disabled"],
  ["a broker is away", () => refusal(503, "broker_unavailable"), "broker_unavailable"],
])("reconnect says why there is no connection: %s", async (_, reply, code) => {
  new FakeServer().on(LIST, reply);
  const { now, server, sockets } = connected();
  server.ends();
  await act(() => now().reconnect());
  expect(now().state.failure?.code).toBe(code);
  expect(sockets.all).toHaveLength(1);
});

test("reconnect without a connection before does nothing", async () => {
  const fake = new FakeServer();
  const sockets = installLiveSockets();
  const { result } = renderHook(useRealtime, { wrapper });
  await act(() => result.current.reconnect());
  expect(fake.asked).toHaveLength(0);
  expect(sockets.all).toHaveLength(0);
});

test("leaving the page ends the connection", () => {
  const { server, unmount } = connected();
  unmount();
  expect(server.closed).toBe(true);
});
