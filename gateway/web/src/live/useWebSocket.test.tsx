import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TokenProvider } from "../api/token";
import { dropped, faceResult, installLiveSockets, SLOW_DOWN } from "../test/liveSocket";
import { parseAnswer } from "./answers";
import { LIVE_CODES } from "./failures";
import { FrameSocket } from "./FrameSocket";
import { useWebSocket } from "./useWebSocket";

const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xd9]);

function connected(pipelineId = "holistic") {
  const sockets = installLiveSockets();
  const hook = renderHook(useWebSocket, { wrapper: TokenProvider });
  act(() => hook.result.current.socket.connect(pipelineId));
  sockets.latest().opens();
  return { ...hook, sockets, server: sockets.latest(), now: () => hook.result.current };
}

describe("useWebSocket", () => {
  test("is disconnected, connecting, then connected", () => {
    const sockets = installLiveSockets();
    const { result } = renderHook(useWebSocket, { wrapper: TokenProvider });
    expect(result.current.status).toBe("disconnected");
    expect(sockets.all).toHaveLength(0);
    act(() => result.current.socket.connect("holistic"));
    expect(result.current.status).toBe("connecting");
    sockets.latest().opens();
    expect(result.current.status).toBe("connected");
  });

  test("connects to the address of the pipeline, on the server that the page came from", () => {
    const { server } = connected("a b&c");
    expect(server.url).toBe(`ws://${window.location.host}/ws/video/stream?pipeline_id=a%20b%26c`);
  });

  test("sends the token as a subprotocol, if there is one", () => {
    const sockets = installLiveSockets();
    new FrameSocket(() => "s3cret").connect("face");
    expect(sockets.latest().protocols).toEqual(["bearer.s3cret"]);
    new FrameSocket(() => null).connect("face");
    expect(sockets.latest().protocols).toEqual([]);
  });

  test("sendFrame sends binary data", () => {
    const { now, server } = connected();
    expect(now().sendFrame(JPEG)).toBe(0);
    expect(now().sendFrame(JPEG.buffer)).toBe(1);
    expect(server.sent).toEqual([JPEG, JPEG.buffer]);
  });

  test("sendFrame sends nothing without a connection", () => {
    const sockets = installLiveSockets();
    const { result } = renderHook(useWebSocket, { wrapper: TokenProvider });
    act(() => result.current.socket.connect("holistic"));
    expect(result.current.sendFrame(JPEG)).toBeNull();
    expect(sockets.latest().sent).toEqual([]);
  });

  test("has bytes to send only while there is a connection", () => {
    const { now, server } = connected();
    server.bufferedAmount = 30_000;
    expect(now().socket.bufferedBytes).toBe(30_000);
    act(() => now().socket.disconnect());
    expect(now().socket.bufferedBytes).toBe(0);
  });

  test("a result is the last result", () => {
    const { now, server } = connected();
    server.says(faceResult(0));
    expect(now().lastResult?.frame_index).toBe(0);
    expect(now().lastResult?.result.detections[0]?.label).toBe("face");
  });

  test("a dropped frame is counted and leaves the last result alone", () => {
    const { now, server } = connected();
    server.says(faceResult(0));
    const before = now().lastResult;
    server.says(dropped(1));
    expect(now().droppedFrames).toBe(1);
    expect(now().lastResult).toBe(before);
  });

  test("a slow-down warning is counted", () => {
    const { now, server } = connected();
    server.says(dropped(0));
    server.says(SLOW_DOWN);
    expect(now().slowDownWarnings).toBe(1);
  });

  test.each(LIVE_CODES)("the error %s ends the connection and is the failure, with a sentence", (code) => {
    const { now, server } = connected();
    server.says({ error: code, detail: "in the server's words" });
    expect(now().status).toBe("disconnected");
    expect(now().failure?.code).toBe(code);
    expect(now().failure?.sentence).toMatch(/^[A-Z].*[.]$/);
    expect(now().failure?.sentence).not.toMatch(/in the server's words/);
    server.ends(1011); // what follows does not hide it
    expect(now().failure?.code).toBe(code);
  });

  test("an error that this page does not know is shown in the server's words", () => {
    const { now, server } = connected();
    server.says({ error: "out_of_tea", detail: "There is no tea." });
    expect(now().failure).toEqual({ code: "out_of_tea", sentence: "There is no tea." });
  });

  test("a connection that is lost, refused or stopped has a failure of its own", () => {
    const { now, server, sockets } = connected();
    server.ends(1006);
    expect(now().failure?.code).toBe("connection_lost");
    act(() => now().socket.connect("holistic"));
    sockets.latest().ends(1006);
    expect(now().failure?.code).toBe("connection_refused");
    act(() => now().socket.connect("holistic"));
    sockets.latest().opens();
    sockets.latest().ends(1012);
    expect(now().failure?.code).toBe("server_shutdown");
  });

  test("a failure of the connection is over when it is open; one that the server told, at the first result", () => {
    const { now, server, sockets } = connected();
    server.ends(1006);
    act(() => now().socket.connect("holistic"));
    expect(now().failure?.code).toBe("connection_lost");
    sockets.latest().opens();
    expect(now().failure).toBeNull();
    sockets.latest().says({ error: "pipeline_failure", detail: "" });
    act(() => now().socket.connect("holistic"));
    sockets.latest().opens();
    sockets.latest().says(dropped(0));
    expect(now().failure?.code).toBe("pipeline_failure");
    sockets.latest().says(faceResult(1));
    expect(now().failure).toBeNull();
  });

  test("nothing that an earlier connection says is listened to", () => {
    const { now, server, sockets } = connected();
    act(() => now().socket.connect("face"));
    expect(server.closed).toBe(true);
    server.says(faceResult(7));
    server.ends(1006);
    sockets.latest().opens();
    expect(now()).toMatchObject({ status: "connected", pipelineId: "face", lastResult: null, failure: null });
  });

  test("disconnecting is no failure, and takes the last result away", () => {
    const { now, server } = connected();
    server.says(faceResult(0));
    act(() => now().socket.disconnect());
    expect(server.closed).toBe(true);
    expect(now()).toMatchObject({ status: "disconnected", lastResult: null, failure: null });
  });

  test("leaving the page ends the connection", () => {
    const { server, unmount } = connected();
    unmount();
    expect(server.closed).toBe(true);
  });

  test("a message that the page cannot read ends the connection", () => {
    const { now, server } = connected();
    server.says({ frame_index: 3 });
    expect(now().failure?.code).toBe("unexpected_answer");
  });
});

describe("a server that says nothing", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("to a connection: it is refused after ten seconds", () => {
    installLiveSockets();
    const socket = new FrameSocket(() => null);
    socket.connect("face");
    vi.advanceTimersByTime(9_999);
    expect(socket.state().status).toBe("connecting");
    vi.advanceTimersByTime(1);
    expect(socket.state()).toMatchObject({ status: "disconnected", failure: { code: "connection_refused" } });
  });

  test("to frames: it is silent after fifteen seconds, counted from its last answer", () => {
    const { server, now } = connected();
    act(() => void vi.advanceTimersByTime(60_000)); // nothing was sent, so nothing is expected
    expect(now().status).toBe("connected");
    now().sendFrame(JPEG);
    now().sendFrame(JPEG);
    act(() => void vi.advanceTimersByTime(14_000));
    server.says(faceResult(0));
    act(() => void vi.advanceTimersByTime(14_000));
    expect(now().status).toBe("connected");
    act(() => void vi.advanceTimersByTime(1_000));
    expect(now().failure?.code).toBe("server_silent");
    expect(server.closed).toBe(true);
  });

  test("after the last frame: nothing is expected of it", () => {
    const { server, now } = connected();
    now().sendFrame(JPEG);
    server.says(faceResult(0));
    act(() => void vi.advanceTimersByTime(60_000));
    expect(now().status).toBe("connected");
  });
});

describe("parseAnswer", () => {
  test.each([faceResult(4), dropped(5), SLOW_DOWN, { error: "internal_error", detail: "Oh." }])(
    "takes what the server may say",
    (message) => {
      expect(parseAnswer(JSON.stringify(message))).toEqual(message);
    },
  );

  test.each([
    "",
    "{",
    "null",
    "7",
    "[]",
    "{}",
    '{"frame_index":"1","dropped":true}',
    '{"frame_index":1,"dropped":false}',
    '{"frame_index":1,"result":{}}',
    '{"frame_index":1,"result":null}',
    '{"warning":"hurry"}',
    '{"error":5}',
  ])("refuses %s", (text) => {
    expect(parseAnswer(text)).toBeNull();
  });

  test("refuses what is not text", () => {
    expect(parseAnswer(new ArrayBuffer(4))).toBeNull();
  });
});
