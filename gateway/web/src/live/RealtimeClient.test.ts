import { describe, expect, test } from "vitest";

import { dropped, faceResult, installLiveSockets, SLOW_DOWN } from "../test/liveSocket";
import { FPSThrottler } from "./FPSThrottler";
import { FrameSocket } from "./FrameSocket";
import { RealtimeClient } from "./RealtimeClient";

const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xd9]);

function streaming() {
  const sockets = installLiveSockets();
  let now = 0;
  const client = new RealtimeClient(new FrameSocket(() => null), new FPSThrottler(), () => now);
  client.connect("holistic");
  sockets.latest().opens();
  const pass = (ms: number) => (now += ms);
  /** Sends one frame if the client takes one, a period later. */
  const frame = () => {
    pass(100);
    const takes = client.takesFrame();
    if (takes) client.sendFrame(JPEG);
    return takes;
  };
  return { client, sockets, server: sockets.latest(), pass, frame };
}

describe("RealtimeClient", () => {
  test("wraps the WebSocket: its state is the socket's", () => {
    const { client, server } = streaming();
    expect(client.state.status).toBe("connected");
    server.says(faceResult(0));
    server.says(dropped(1));
    server.says(SLOW_DOWN);
    expect(client.state).toMatchObject({ droppedFrames: 1, slowDownWarnings: 1, lastResult: { frame_index: 0 } });
  });

  test("connect() opens a WebSocket with the pipeline_id", () => {
    const { client, sockets } = streaming();
    client.connect("face");
    expect(new URL(sockets.latest().url).searchParams.get("pipeline_id")).toBe("face");
  });

  test("disconnect() closes the WebSocket", () => {
    const { client, server } = streaming();
    client.disconnect();
    expect(server.closed).toBe(true);
    expect(client.state.status).toBe("disconnected");
  });

  test("sendFrame() hands the bytes to the WebSocket", () => {
    const { client, server } = streaming();
    client.sendFrame(JPEG);
    expect(server.sent).toEqual([JPEG]);
  });

  test("a picture that is ready after the connection ended is not sent, counted or kept", () => {
    const { client, server } = streaming();
    client.sendFrame(JPEG);
    server.ends();
    client.sendFrame(JPEG);
    expect(server.sent).toHaveLength(1);
    expect(client.metrics().sentFps).toBe(0.5); // one in two seconds
    expect(client.frameOf(1)).toBeNull();
  });

  test("takes frames at the throttler's rate", () => {
    const { client, server, pass } = streaming();
    let frames = 0;
    for (let ms = 0; ms < 2_000; ms += 1) {
      if (client.takesFrame()) {
        client.sendFrame(JPEG);
        server.says(faceResult(frames));
        frames += 1;
      }
      pass(1);
    }
    expect(frames).toBeGreaterThanOrEqual(29);
    expect(frames).toBeLessThanOrEqual(31);
  });

  test("takes no frame without a connection", () => {
    const { client, server } = streaming();
    server.ends();
    expect(client.takesFrame()).toBe(false);
  });

  test("keeps the picture of the newest result and those on their way, and no others", () => {
    const { client, server } = streaming();
    const pictures = [0, 1, 2, 3].map((index) => new Uint8Array([index]));
    for (const picture of pictures) client.sendFrame(picture);
    const kept = () => [0, 1, 2, 3].filter((index) => client.frameOf(index) === pictures[index]);
    server.says(faceResult(0));
    expect(kept()).toEqual([0, 1, 2, 3]);
    server.says(dropped(1));
    expect(kept()).toEqual([0, 2, 3]);
    server.says(faceResult(2));
    expect(kept()).toEqual([2, 3]);
    client.connect("face");
    expect(kept()).toEqual([]);
  });

  test("is slow when half of the answers take over a quarter of a second, or too many frames are dropped", () => {
    const { client, sockets, server, pass } = streaming();
    client.sendFrame(JPEG);
    pass(250);
    server.says(faceResult(0));
    expect(client.isSlow()).toBe(false);
    for (const index of [1, 2]) {
      client.sendFrame(JPEG);
      pass(251);
      server.says(faceResult(index));
    }
    expect(client.isSlow()).toBe(true);
    client.connect("face");
    expect(client.isSlow()).toBe(false);
    const next = sockets.latest();
    next.opens();
    for (let index = 0; index < 10; index++) {
      client.sendFrame(JPEG);
      next.says(index < 7 ? faceResult(index) : dropped(index));
    }
    expect(client.isSlow()).toBe(false);
    client.sendFrame(JPEG);
    next.says(dropped(10));
    expect(client.isSlow()).toBe(true);
  });

  test("slow_down makes it send ten frames a second", () => {
    const { client, server } = streaming();
    server.says(SLOW_DOWN);
    expect(client.metrics().targetFps).toBe(10);
  });

  test("a new connection begins at the full rate, with nothing measured", () => {
    const { client, server, frame } = streaming();
    frame();
    server.says(dropped(0));
    server.says(SLOW_DOWN);
    client.connect("face");
    expect(client.metrics()).toMatchObject({ targetFps: 15, sentFps: 0, dropRate: 0, heldBack: 0, p50Ms: null });
  });

  test("nothing is sent while the browser still holds bytes of the frame before", () => {
    const { client, server, frame } = streaming();
    expect(frame()).toBe(true);
    server.bufferedAmount = 30_000;
    expect(frame()).toBe(false);
    expect(frame()).toBe(false);
    expect(client.metrics().heldBack).toBe(2);
    server.bufferedAmount = 0;
    expect(frame()).toBe(true);
  });

  test("at most five frames are on their way, however long the server takes", () => {
    const { server, frame } = streaming();
    for (let turn = 0; turn < 50; turn += 1) frame();
    expect(server.sent).toHaveLength(5);
    server.says(faceResult(0));
    for (let index = 1; index < 4; index += 1) server.says(dropped(index));
    for (let turn = 0; turn < 50; turn += 1) frame();
    expect(server.sent).toHaveLength(9);
  });

  test("a round trip is from sending a frame to its result; drops have none", () => {
    const { client, server, pass, frame } = streaming();
    frame(); // 0, at 100
    frame(); // 1, at 200
    pass(50);
    server.says(faceResult(0)); // 150 ms
    server.says(dropped(1));
    frame(); // 2
    pass(40);
    server.says(faceResult(2)); // 40 ms
    expect(client.metrics()).toMatchObject({ roundTripsMs: [150, 40], p50Ms: 40, p95Ms: 150 });
  });

  test("the drop rate is over the last sixty frames", () => {
    const { client, server } = streaming();
    for (let index = 0; index < 30; index += 1) server.says(dropped(index));
    expect(client.metrics().dropRate).toBe(1);
    for (let index = 30; index < 60; index += 1) server.says(faceResult(index));
    expect(client.metrics().dropRate).toBe(0.5);
    for (let index = 60; index < 90; index += 1) server.says(faceResult(index));
    expect(client.metrics().dropRate).toBe(0);
  });

  test("frames a second, sent and answered, are those of the last two seconds", () => {
    const { client, server, frame, pass } = streaming();
    for (let index = 0; index < 20; index += 1) {
      frame();
      server.says(index % 2 ? dropped(index) : faceResult(index));
    }
    expect(client.metrics()).toMatchObject({ sentFps: 10, resultFps: 5 });
    pass(5_000);
    expect(client.metrics()).toMatchObject({ sentFps: 0, resultFps: 0 });
  });
});
