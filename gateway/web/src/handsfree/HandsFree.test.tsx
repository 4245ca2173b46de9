import { act, fireEvent, screen, within } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { expectAccessible } from "../test/axe";
import { LAP, RAISED, CHEST } from "../test/body";
import { installLiveSockets } from "../test/liveSocket";
import { FakeStream, installCanvas, showing } from "../test/media";
import { renderPage } from "../test/page";
import { HandsFree } from "./HandsFree";
import type { Offered } from "./offered";
import { RECONNECT_MS } from "./PoseLane";

const pressed = vi.fn<(name: string) => void>();

interface DemoProps {
  readonly offers: readonly Offered[];
  readonly stream: MediaStream | null;
  readonly untilRest: boolean;
}

/** A page with two commands, a link, a field and a slider. */
function Demo({ offers, stream, untilRest }: DemoProps) {
  const [name, setName] = useState("");
  return (
    <main>
      {offers.map(({ command }) => (
        <button key={command} type="button" data-command={command} onClick={() => pressed(command)}>
          {command}
        </button>
      ))}
      <label>
        <input type="checkbox" onChange={() => pressed("check")} /> Sound
      </label>
      <label>
        Code <input value={name} list="codes" onChange={({ target }) => setName(target.value)} />
      </label>
      <datalist id="codes" aria-label="Codes">
        <option value="p07">p07</option>
      </datalist>
      <HandsFree commands={offers} stream={stream} untilRest={untilRest} />
    </main>
  );
}

const offer = (...commands: readonly string[]) => commands.map((command) => ({ command, blocked: undefined }));
const START = offer("start", "finish");
const VERDICT = offer("next", "again");

function open(query: string, offers: readonly Offered[] = START, stream: MediaStream | null = null, untilRest = false) {
  window.history.replaceState(null, "", `/record${query}`);
  return renderPage(<Demo offers={offers} stream={stream} untilRest={untilRest} />);
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const lit = () => document.querySelector("[data-lit]")?.textContent?.trim() ?? null;
const told = () => screen.getByRole("status", { name: "Hands-free control" }).textContent;
const button = (name: string | RegExp) => screen.getByRole("button", { name });
const click = (name: string | RegExp) => fireEvent.click(button(name));

/** Presses a key for 50 ms, and waits until the next one counts. Returns whether the page got the key. */
async function tap(code = "Space", place: Element = document.body) {
  const got = fireEvent.keyDown(place, { code, key: code === "Space" ? " " : code });
  await pass(50);
  fireEvent.keyUp(place, { code });
  await pass(300);
  return got;
}

/** axe waits by timers of its own. */
async function isAccessible() {
  vi.useRealTimers();
  await expectAccessible();
}

beforeEach(() => {
  vi.useFakeTimers();
  pressed.mockClear();
});
afterEach(() => vi.useRealTimers());

describe("one switch", () => {
  test("presses the command that most people want, by any key", async () => {
    open("?way=switch");
    await pass(0);
    expect(lit()).toBe("start");
    expect(await tap("KeyQ")).toBe(false);
    expect(pressed.mock.calls).toEqual([["start"]]);
  });

  test("highlights keep and again in turn, and presses the one that is lit", async () => {
    open("?way=switch", VERDICT);
    await pass(0);
    expect(lit()).toBe("next");
    await pass(1600);
    expect(lit()).toBe("again");
    expect(told()).toBe("again");
    await tap();
    expect(pressed.mock.calls).toEqual([["again"]]);
  });

  test("keeps at once if that is wished", async () => {
    open("?way=switch&afterTake=keep", VERDICT);
    await pass(5000);
    await tap();
    expect(pressed.mock.calls).toEqual([["next"]]);
  });

  test("leaves a key that is held down, and what is typed, alone", async () => {
    open("?way=switch");
    await pass(0);
    fireEvent.keyDown(document.body, { code: "KeyQ", key: "q" });
    for (let count = 0; count < 5; count += 1) {
      await pass(100);
      fireEvent.keyDown(document.body, { code: "KeyQ", key: "q", repeat: true });
    }
    expect(pressed).toHaveBeenCalledOnce();
    fireEvent.keyUp(document.body, { code: "KeyQ" });
    await pass(500);
    expect(await tap("KeyQ", screen.getByRole("combobox", { name: "Code" }))).toBe(true);
    expect(pressed).toHaveBeenCalledOnce();
  });

  test("counts again after the window had lost the keyboard while a key was down", async () => {
    open("?way=switch");
    await pass(0);
    fireEvent.keyDown(document.body, { code: "KeyQ", key: "q" });
    await pass(500);
    fireEvent.blur(window);
    await tap();
    expect(pressed).toHaveBeenCalledTimes(2);
  });

  test("is a click anywhere, which the page does not get", async () => {
    open("?way=switch");
    await pass(0);
    const finish = button("finish");
    fireEvent.pointerDown(finish);
    const page = [
      fireEvent.mouseDown(finish, { detail: 1 }),
      fireEvent.pointerUp(finish),
      fireEvent.click(finish, { detail: 1 }),
      fireEvent.contextMenu(finish),
    ];
    expect(page).toEqual([false, true, false, false]);
    expect(pressed.mock.calls).toEqual([["start"]]);
  });

  test("leaves a click of a screen reader alone", async () => {
    open("?way=switch");
    await pass(0);
    fireEvent.click(button("finish"), { detail: 0 });
    expect(pressed.mock.calls).toEqual([["finish"]]);
  });

  test("is a button of a gamepad, which is looked at only then", async () => {
    let down = false;
    const pads = vi.fn<() => object[]>(() => [{ index: 0, buttons: [{ pressed: down }] }]);
    Object.defineProperty(navigator, "getGamepads", { configurable: true, value: pads });
    open("?way=switch");
    await pass(100);
    down = true;
    await pass(1000);
    down = false;
    await pass(100);
    expect(pressed.mock.calls).toEqual([["start"]]);
    fireEvent.keyDown(document.body, { key: "Escape" });
    await pass(0);
    pads.mockClear();
    await pass(1000);
    expect(pads).not.toHaveBeenCalled();
    Reflect.deleteProperty(navigator, "getGamepads");
  });

  test("does nothing while no command can be given", async () => {
    open("?way=switch", [{ command: "stop", blocked: "short" }]);
    await pass(500);
    expect(lit()).toBeNull();
    await tap();
    expect(pressed).not.toHaveBeenCalled();
  });

  test("presses nothing that came since the last look", async () => {
    const { rerender } = open("?way=switch");
    await pass(0);
    rerender(<main />);
    document.body.insertAdjacentHTML("beforeend", "<button data-command='start'>other</button>");
    await tap();
    expect(pressed).not.toHaveBeenCalled();
    document.body.replaceChildren();
  });

  test("scans a dialog that asks", async () => {
    open("?way=switch");
    document.body.insertAdjacentHTML("beforeend", "<dialog open><button>Yes</button><button>No</button></dialog>");
    await pass(100);
    expect(lit()).toBe("Yes");
    document.querySelector("dialog")?.remove();
    await pass(100);
    expect(lit()).toBe("start");
  });
});

describe("one switch for everything", () => {
  test("highlights every control in turn, the label of a small one with it", async () => {
    open("?way=scan");
    await pass(0);
    const seen: (string | null)[] = [];
    for (let count = 0; count < 6; count += 1) {
      seen.push(lit());
      await pass(1500);
    }
    const opener = "Hands-free: One switch for everything";
    expect(seen).toEqual(["start", "finish", "Sound", "Code", opener, "start"]);
  });

  test("checks a box", async () => {
    open("?way=scan");
    await pass(3000);
    await tap();
    expect(pressed.mock.calls).toEqual([["check"]]);
  });

  test("spells a text, letter by letter, and takes a suggestion", async () => {
    open("?way=scan");
    await pass(4600);
    expect(lit()).toBe("Code");
    await tap();
    const dialog = within(screen.getByRole("dialog", { name: "Code" }));
    expect(dialog.getByText("Now: nothing")).toBeVisible();
    await pass(100);
    expect(lit()).toBe("p07");
    for (const name of ["abcdef", "b", "abcdef", "Back", ".,?!", "space", "6789-_", "7", "Delete"]) click(name);
    expect(screen.getByRole("combobox", { name: "Code" })).toHaveValue("b ");
    await isAccessible();
    click("p07");
    expect(screen.getByRole("combobox", { name: "Code" })).toHaveValue("p07");
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  test("sets its own settings: the pace is made longer without a mouse", async () => {
    const { user } = open("?way=scan");
    await pass(100);
    click(/^Hands-free/);
    await pass(100);
    const settings = screen.getByRole("dialog", { name: "Hands-free control" });
    expect(lit()).toContain("Buttons");
    while (!document.querySelector("[data-lit]")?.matches("[type=range]")) await pass(1500);
    await pass(1500);
    await tap();
    expect(screen.getByRole("dialog", { name: "Time for each choice" })).toBeVisible();
    await pass(1500);
    expect(lit()).toBe("More");
    await tap();
    expect(screen.getByText("Now: 1.75 s")).toBeVisible();
    click("Less");
    click("More");
    await act(() =>
      fireEvent.submit(screen.getByRole("dialog", { name: "Time for each choice" }).querySelector("form") as Element),
    );
    await act(() => fireEvent.submit(settings.querySelector("form") as Element));
    expect(window.location.search).toBe("?way=scan&paceMs=1750");
    expect(user).toBeDefined();
  });
});

describe("the settings", () => {
  test("count when they are done, and are kept in the address beside what it has", async () => {
    open("?study=daily");
    click("Hands-free");
    fireEvent.click(screen.getByRole("radio", { name: /^One switch Any key/ }));
    fireEvent.change(screen.getByRole("slider", { name: "Pause between two presses" }), { target: { value: "600" } });
    expect(screen.getByText("0.60 s")).toBeVisible();
    fireEvent.click(screen.getByRole("checkbox", { name: "Keep each take without asking" }));
    expect(window.location.search).toBe("?study=daily");
    click("Done");
    expect(window.location.search).toBe("?study=daily&way=switch&afterTake=keep&gapMs=600");
    await pass(100);
    expect(lit()).toBe("start");
  });

  test("do not count if they are cancelled, and a press tries nothing while they are open", async () => {
    open("?way=switch&afterTake=keep");
    await pass(100);
    click(/^Hands-free/);
    fireEvent.click(screen.getByRole("checkbox", { name: "Keep each take without asking" }));
    await pass(100);
    expect(lit()).toBeNull();
    expect(await tap()).toBe(true);
    click("Cancel");
    expect(window.location.search).toBe("?way=switch&afterTake=keep");
    expect(pressed).not.toHaveBeenCalled();
  });

  test("can be opened with a mouse also while a click anywhere is the switch", async () => {
    open("?way=switch");
    await pass(100);
    const opener = button(/^Hands-free/);
    fireEvent.pointerDown(opener);
    fireEvent.pointerUp(opener);
    fireEvent.click(opener, { detail: 1 });
    expect(screen.getByRole("dialog")).toBeVisible();
    expect(pressed).not.toHaveBeenCalled();
  });

  test("Escape leads back to buttons, but first closes a dialog", async () => {
    open("?way=scan");
    await pass(100);
    click(/^Hands-free/);
    fireEvent.keyDown(document.body, { key: "Escape" });
    expect(window.location.search).toBe("?way=scan");
    click("Cancel");
    await act(() => fireEvent.keyDown(document.body, { key: "Escape" }));
    expect(window.location.search).toBe("");
    await pass(2000);
    expect(lit()).toBeNull();
  });
});

const ring = () => document.querySelector<HTMLElement>(".dwell-ring");
const share = () => Number(ring()?.style.getPropertyValue("--share"));

/** Moves the pointer onto an element; jsdom has no layout. */
function moveTo(element: Element | null, pointerType = "mouse") {
  document.elementFromPoint = () => element;
  act(() => {
    const event = new MouseEvent("pointermove", { bubbles: true, clientX: 5, clientY: 6 });
    document.dispatchEvent(Object.assign(event, { pointerType }));
  });
}

function giveSize(element: Element) {
  vi.spyOn(element, "getBoundingClientRect").mockReturnValue({ left: 0, top: 0, width: 10, height: 10 } as DOMRect);
}

describe("a resting pointer", () => {
  test("presses a control once, with a ring that fills", async () => {
    open("?way=dwell");
    giveSize(button("start"));
    moveTo(button("start"));
    await pass(650);
    expect(share()).toBeGreaterThan(0.4);
    expect(ring()?.style.getPropertyValue("--x")).toBe("5px");
    await pass(5000);
    expect(pressed.mock.calls).toEqual([["start"]]);
    expect(share()).toBe(0);
  });

  test("is none before the pointer has moved, and a finger is none", async () => {
    open("?way=dwell");
    moveTo(button("start"), "touch");
    await pass(3000);
    expect(pressed).not.toHaveBeenCalled();
    expect(ring()).toBeNull();
  });

  test("has a ring that fills in quarters, if less motion is wanted", async () => {
    vi.spyOn(window, "matchMedia").mockReturnValue({ matches: true } as MediaQueryList);
    open("?way=dwell");
    moveTo(button("start"));
    await pass(900);
    expect([0.5, 0.75]).toContain(share());
  });

  test("has its ring in a dialog that is open, and no ring when it ends", async () => {
    open("?way=dwell");
    moveTo(null);
    await pass(100);
    expect(ring()?.parentElement).toBe(document.body);
    click(/^Hands-free/);
    await pass(100);
    expect(ring()?.parentElement?.tagName).toBe("DIALOG");
    fireEvent.click(screen.getByRole("radio", { name: /^Buttons/ }));
    await act(() => fireEvent.submit(screen.getByRole("dialog").querySelector("form") as Element));
    expect(ring()).toBeNull();
  });
});

const camera = () => new FakeStream() as unknown as MediaStream;

async function read(query: string, offers: readonly Offered[] = START, untilRest = false) {
  const sockets = installLiveSockets();
  installCanvas();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockRejectedValue(new Error("left"));
  const rendered = open(query, offers, camera(), untilRest);
  sockets.latest().opens();
  await pass(0);
  let index = 0;
  /** The server answers for a time, ten times a second. */
  const sees = async (landmarks: object, ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      const result = { pipeline: "pose", landmarks, detections: [], timing_ms: { decode: 1, inference: 9 } };
      sockets.latest().says({ frame_index: index++, result });
      await pass(100);
    }
  };
  return { ...rendered, sockets, sees };
}

describe("a raised hand", () => {
  test("starts, and shows how high the hand is", async () => {
    const { sees, sockets } = await read("?way=pose");
    expect(sockets.latest().url).toContain("pipeline_id=pose");
    expect(screen.getByText("The hands are not read yet.")).toBeVisible();
    await sees({}, 200);
    expect(screen.getByText("Both shoulders must be in the picture.")).toBeVisible();
    await sees(LAP, 500);
    const meter = screen.getByRole("meter", { name: "Hand above the shoulders" });
    expect(meter).toHaveAttribute("aria-valuetext", "-0.95 shoulder widths, limit 0.20 shoulder widths");
    expect(pressed).not.toHaveBeenCalled();
    showing(480, 480, document.querySelector("video") as HTMLVideoElement);
    await sees(LAP, 100);
    expect(meter).toHaveAttribute("aria-valuetext", "-1.27 shoulder widths, limit 0.20 shoulder widths");
    await sees(RAISED, 1000);
    expect(pressed.mock.calls).toEqual([["start"]]);
    click(/^Hands-free/);
    await isAccessible();
  });

  test("stops a take by rest, after a gesture", async () => {
    const { sees } = await read("?way=pose", offer("stop", "cancel"));
    await sees(LAP, 2000);
    expect(pressed).not.toHaveBeenCalled();
    await sees(CHEST, 1000);
    expect(screen.getByRole("meter", { name: "Movement" })).toHaveAttribute("aria-valuenow", "0");
    expect(screen.queryByRole("meter", { name: "Hand above the shoulders" })).toBeNull();
    await sees(LAP, 2000);
    expect(pressed.mock.calls).toEqual([["stop"]]);
  });

  test("holds the highlight while it goes up", async () => {
    const { sees } = await read("?way=pose&paceMs=1000&raiseMs=3000", VERDICT);
    await sees(LAP, 800);
    expect(lit()).toBe("next");
    await sees(RAISED, 2500);
    expect(lit()).toBe("next");
    await sees(RAISED, 1000);
    expect(pressed.mock.calls).toEqual([["next"]]);
  });

  test("is only shown while the settings are open", async () => {
    const { sees } = await read("?way=pose");
    click(/^Hands-free/);
    await sees(RAISED, 1500);
    expect(pressed).not.toHaveBeenCalled();
    expect(within(screen.getByRole("dialog")).getAllByRole("meter")).toHaveLength(3);
    expect(screen.getByRole("slider", { name: "Height of a raised hand above the shoulders" })).toHaveValue("0.2");
    await sees({ pose: RAISED.pose?.slice(0, 13) }, 100);
    const meter = screen.getByRole("meter", { name: "Hand above the elbow" });
    expect(meter).toHaveAttribute("aria-valuetext", expect.stringContaining("no hand in the picture"));
  });

  test("means nothing in another way, but rest ends a take of a study that says so", async () => {
    const { sees } = await read("", offer("stop", "cancel"), true);
    expect(screen.queryByRole("meter")).toBeNull();
    await sees(RAISED, 1000);
    await sees(LAP, 2000);
    expect(pressed.mock.calls).toEqual([["stop"]]);
    click("Hands-free");
    expect(screen.getByRole("slider", { name: "Time to rest" })).toBeVisible();
    expect(screen.queryByRole("slider", { name: "Time to keep it raised" })).toBeNull();
  });

  test("connects again by itself", async () => {
    const { sockets } = await read("?way=pose");
    act(() => sockets.latest().ends());
    expect(sockets.all).toHaveLength(1);
    await pass(RECONNECT_MS);
    expect(sockets.all).toHaveLength(2);
  });

  test("needs the camera", () => {
    open("?way=pose");
    expect(screen.getByText("The camera is off.")).toBeVisible();
  });
});
