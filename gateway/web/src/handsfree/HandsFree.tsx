import { useEffect, useEffectEvent, useState, type ReactNode } from "react";
import { createPortal } from "react-dom";

import { Button } from "../components/Button";
import { useWords } from "../words";
import { kindOf, type Settable } from "./choices";
import { ControlChooser } from "./ControlChooser";
import { WAY_OUT } from "./keys";
import { buttonsFor, itemsNow, type Offered } from "./offered";
import { PoseLane } from "./PoseLane";
import { PoseMeter } from "./PoseMeter";
import { beginPose } from "./poseState";
import { isRising } from "./raise";
import { Said } from "./Said";
import type { Settings, Way } from "./settings";
import { SettingsPanel } from "./SettingsPanel";
import { useDwell } from "./useDwell";
import { useScan } from "./useScan";
import { useSettings } from "./useSettings";
import { useSwitch } from "./useSwitch";
import "../styles/handsfree.css";

export interface HandsFreeProps {
  /** The commands that the page offers now, the one that most people want first. */
  readonly commands?: readonly Offered[];
  /** The camera's pictures; null while the camera is off. */
  readonly stream?: MediaStream | null;
  /** Whether a take ends when the hands rest, however the page is controlled. */
  readonly untilRest?: boolean;
}

const NO_COMMANDS: readonly Offered[] = [];

/** Control without a mouse and without a keyboard: a button for its settings, and what the chosen way shows. */
export function HandsFree({ commands = NO_COMMANDS, stream = null, untilRest = false }: HandsFreeProps) {
  const [settings, change] = useSettings();
  const [draft, setDraft] = useState<Settings | null>(null);
  const [chosen, setChosen] = useState<Settable | null>(null);
  const [pose, setPose] = useState<ReturnType<typeof beginPose> | null>(null);
  const shown = draft ?? settings;
  const activate = (control: HTMLElement) => (kindOf(control) ? setChosen(control as Settable) : control.click());
  const scan = useScan({
    on: SCANNING.has(settings.way),
    items: () => itemsNow(document, settings, commands, draft !== null),
    paceMs: settings.paceMs,
    held: () => pose !== null && isRising(pose.raise),
    onPress: activate,
  });
  useSwitch(settings.way === "scan" || (settings.way === "switch" && !draft), settings.gapMs, scan.press);
  useDwell(settings.way === "dwell", settings.dwellMs, activate);
  useWayOut(settings.way, () => change({ ...settings, way: "buttons" }));

  const isReading = shown.way === "pose" || untilRest;
  const meter = isReading && (
    <PoseMeter settings={shown} pose={pose} hasCamera={stream !== null} whole={draft !== null} />
  );
  const close = (next: Settings | null) => {
    if (next) change(next);
    setDraft(null);
  };
  return (
    <div className="handsfree">
      {!draft && shown.way === "pose" && meter}
      <Opener way={settings.way} onOpen={() => setDraft(settings)} />
      {isReading && stream && (
        <PoseLane
          stream={stream}
          settings={shown}
          commands={commands}
          onState={setPose}
          onRaise={settings.way === "pose" && !draft ? scan.press : undefined}
          onRest={() => buttonsFor(document, "rest", settings, commands)[0]?.click()}
        />
      )}
      {!draft && !chosen && <Said name={scan.name} />}
      {draft && (
        <InFront>
          <SettingsPanel settings={draft} untilRest={untilRest} said={scan.name} onChange={setDraft} onClose={close}>
            {meter}
          </SettingsPanel>
        </InFront>
      )}
      {chosen && (
        <InFront>
          <ControlChooser control={chosen} said={scan.name} onClose={() => setChosen(null)} />
        </InFront>
      )}
    </div>
  );
}

const SCANNING: ReadonlySet<Way> = new Set(["switch", "scan", "pose"]);

/** The button that opens the settings. It keeps its meaning for a mouse, so that a person who helps can change them. */
function Opener({ way, onOpen }: { readonly way: Way; readonly onOpen: () => void }) {
  const { handsfree: texts } = useWords();
  if (way === "buttons") {
    return (
      <Button tone="quiet" onClick={onOpen}>
        {texts.button}
      </Button>
    );
  }
  return (
    <>
      <span data-handsfree>
        <Button tone="quiet" onClick={onOpen}>
          {texts.button}: {texts.ways[way].name}
        </Button>
      </span>
      <p className="handsfree-hint">
        {texts.states[way]} {texts.wayOut}
      </p>
    </>
  );
}

/** At the end of the page, so that it is the last dialog, which is the one that is in front. */
function InFront({ children }: { readonly children: ReactNode }) {
  return createPortal(children, document.body);
}

/** Calls `onOut` for the key that ends hands-free control. In a dialog it closes the dialog. */
function useWayOut(way: Way, onOut: () => void): void {
  const out = useEffectEvent(onOut);
  useEffect(() => {
    if (way === "buttons") return undefined;
    const press = (event: KeyboardEvent) => {
      if (event.key === WAY_OUT && !document.querySelector("dialog[open]")) out();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [way]);
}
