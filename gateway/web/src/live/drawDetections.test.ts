import { describe, expect, test } from "vitest";

import type { LiveResult } from "../api/messages";
import { CONNECTIONS } from "../api/skeleton";
import { recordingContext } from "../test/drawing";
import { faceResult } from "../test/liveSocket";
import { drawDetections, visiblePoints, type Surface } from "./drawDetections";

const PICTURE = { left: 0, top: 0, width: 320, height: 240 };
const SURFACE: Surface = {
  size: { width: 320, height: 240 },
  picture: PICTURE,
  mirrored: false,
  colours: { pose: "gold", left_hand: "blue", right_hand: "pink", face: "green", other: "white" },
};

function drawn(over: Partial<LiveResult["result"]> = {}, surface: Partial<Surface> = {}) {
  const recording = recordingContext();
  drawDetections(recording.context, faceResult(42, over) as LiveResult, { ...SURFACE, ...surface });
  const calls = (name: string) => recording.drawn.filter(([called]) => called === name).map(([, ...given]) => given);
  return { ...recording, calls };
}

describe("drawDetections", () => {
  test("boxes are where the picture shows what they are around", () => {
    const { calls } = drawn();
    const [[left, top, width, height] = []] = calls("rect") as number[][];
    expect([left, top, width, height].map((value) => Math.round(value ?? 0))).toEqual([64, 72, 64, 72]);
  });

  test("labels have their confidence, the frame its index", () => {
    expect(drawn().texts()).toEqual(["Face 97 %", "Frame 42"]);
  });

  test("a label that is no part keeps its name", () => {
    const detections = [
      { label: "coffee_cup", confidence: 0.505, box: [0, 0, 1, 1] as [number, number, number, number] },
    ];
    expect(drawn({ detections, landmarks: {} }).texts()[0]).toBe("coffee cup 51 %");
  });

  test("mirrored, boxes and skeletons change sides; text is not turned round", () => {
    const { calls } = drawn({}, { mirrored: true });
    expect(Math.round((calls("rect") as number[][])[0]?.[0] ?? 0)).toBe(192); // 0.6 of 320
    expect(calls("scale")).toEqual([]);
    expect(calls("transform")).toEqual([]);
    const [text, x] = calls("fillText")[0] ?? [];
    expect(text).toBe("Face 97 %");
    expect(x).toBeGreaterThanOrEqual(192);
  });

  test("a skeleton has MediaPipe's lines, in the colour of its part", () => {
    const { calls, drawn: all } = drawn({ detections: [] });
    expect(calls("lineTo")).toHaveLength(CONNECTIONS.face.length);
    expect(all).toContainEqual(["strokeStyle =", "green"]);
    expect(all).not.toContainEqual(["strokeStyle =", "gold"]);
  });

  test("a landmark that the pose only guesses is not drawn", () => {
    const points = [
      [0.5, 0.5, 0, 0.9],
      [0.25, 0.5, 0, 0.1],
      [0.25, 0.25, 0],
    ];
    expect(visiblePoints(points, { picture: PICTURE, mirrored: false })).toEqual([
      { x: 160, y: 120 },
      null,
      { x: 80, y: 60 },
    ]);
    const pose = Array.from({ length: 33 }, () => [0.5, 0.5, 0, 0.1]);
    expect(drawn({ landmarks: { pose }, detections: [] }).calls("arc")).toHaveLength(0);
  });

  test.each([
    ["pose", 33, "gold", 4],
    ["left_hand", 21, "blue", 3],
    ["right_hand", 21, "pink", 3],
  ] as const)("each landmark of a %s has a dot of the part's colour", (part, count, colour, radius) => {
    const points = Array.from({ length: count }, (_, at) => [at / 64, 0.5, 0]);
    const { calls, drawn: all } = drawn({ landmarks: { [part]: points }, detections: [] });
    const dots = points.map((_, at) => [at * 5, 120, radius, 0, 2 * Math.PI]); // 320 / 64 pixels apart
    expect(calls("arc")).toEqual(dots);
    const first = all.findIndex(([name]) => name === "arc");
    const fills = all.slice(0, first).filter(([name]) => name === "fillStyle =");
    expect(fills.at(-1)).toEqual(["fillStyle =", colour]);
    expect(all.filter(([name]) => name === "arc" || name === "fill").map(([name]) => name)).toEqual([
      ...points.flatMap(() => ["arc", "fill"]),
      "fill", // the ground of the frame's index
    ]);
  });

  test("a face has lines alone: its many dots would hide it", () => {
    expect(drawn({ detections: [] }).calls("arc")).toEqual([]);
  });

  test("a part that lies wholly outside the picture has no box", () => {
    const detections = [{ label: "face", confidence: 0.9, box: [1, 0.2, 1, 0.4] as [number, number, number, number] }];
    expect(drawn({ detections }).calls("rect")).toEqual([]);
  });

  test("nothing found: the frame's index alone", () => {
    const { texts, calls } = drawn({ landmarks: {}, detections: [] });
    expect(texts()).toEqual(["Frame 42"]);
    expect(calls("stroke")).toEqual([]);
  });
});
