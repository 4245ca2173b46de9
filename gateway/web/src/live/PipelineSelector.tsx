import { useEffect, useId, useRef } from "react";

import type { PipelineInfo } from "../api/messages";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";
import { usePipelines } from "./usePipelines";
import { useRealtime } from "./useRealtime";

export interface PipelineSelectorProps {
  /** Null until the server has sent the list. */
  readonly selected: PipelineInfo | null;
  readonly onSelect: (pipeline: PipelineInfo) => void;
  /** Whether a choice connects at once. */
  readonly running: boolean;
}

/** Lets the person choose what the server looks for. When the list arrives, its first pipeline is chosen. */
export function PipelineSelector({ selected, onSelect, running }: PipelineSelectorProps) {
  const { pipelines, failure, loading, load } = usePipelines();
  const { connect, disconnect, state } = useRealtime();
  const id = useId();
  const { common, live } = useWords();
  const words = live.lookFor;
  const chosen = useRef(false); // a choice that comes before the effect below must stand
  const refused = state.failure?.code === "invalid_pipeline" && state.pipelineId === selected?.pipeline_id;

  useEffect(() => {
    const [first] = pipelines ?? [];
    if (first && !selected && !chosen.current) onSelect(first);
  }, [pipelines, selected, onSelect]);

  function choose(pipeline: PipelineInfo): void {
    chosen.current = true;
    onSelect(pipeline);
    if (!running) return;
    disconnect();
    connect(pipeline.pipeline_id);
  }

  if (!pipelines) {
    return (
      <>
        {loading && !failure && <p>{words.asking}</p>}
        <ErrorBanner failure={failure}>
          <Button busy={loading} onClick={() => void load()}>
            {words.again}
          </Button>
        </ErrorBanner>
      </>
    );
  }
  return (
    <div className="field live-selector">
      <label htmlFor={id}>{words.label}</label>
      <select
        id={id}
        value={selected?.pipeline_id}
        aria-invalid={refused || undefined}
        aria-describedby={`${id}-hint`}
        onChange={({ target }) => pipelines.filter((each) => each.pipeline_id === target.value).forEach(choose)}
      >
        {pipelines.map(({ pipeline_id, title }) => (
          <option key={pipeline_id} value={pipeline_id}>
            {title}
          </option>
        ))}
      </select>
      <p className={refused ? "field-error" : "field-hint"} id={`${id}-hint`}>
        {refused
          ? words.refused
          : words.finds((selected?.parts ?? []).map((part) => common.partsWithin[part]).join(", "))}
      </p>
    </div>
  );
}
