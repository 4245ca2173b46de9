import { useCallback, useEffect, useRef, useState } from "react";

import { ApiError, failureOf, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { json, type Send } from "../api/http";
import { useAccess } from "../api/token";
import type { CaptureReport } from "../capture/messages";
import type { Session } from "../session/useSession";
import { jobFailure } from "./failures";
import {
  fileFailure,
  mayHaveArrived,
  postForm,
  SUBMIT,
  takesVideos,
  thrownFailure,
  videoForm,
  type JobStatus,
} from "./video";

/** One video, from the choice of the file to its artifact. */
export interface Job {
  /** This page's own id; the server's is `jobId`. */
  readonly key: string;
  readonly name: string;
  readonly stage: "uploading" | "queued" | "running" | "done" | "failed";
  /** The progress of the stage, 0 to 1. */
  readonly progress: number;
  readonly jobId: string | null;
  readonly captureId: string | null;
  /** Why it failed; or, while it is not done, why the page cannot learn its state now. */
  readonly failure: Failure | null;
  /** The server's report, once done. */
  readonly report: CaptureReport | null;
}

export interface VideoProcessor {
  /** Whether the server accepts videos; null until it has answered. */
  readonly available: boolean | null;
  /** Why the server did not answer. */
  readonly failure: Failure | null;
  /** Asks the server again. */
  readonly check: () => void;
  /** The jobs, the newest first. */
  readonly jobs: readonly Job[];
  /** Uploads a file and follows its capture to the end. Never throws. */
  readonly submit: (file: File, session: Session, intent: string) => Promise<void>;
  /** Cancels a running upload. */
  readonly cancel: (key: string) => void;
}

const ASK_EVERY_MS = 1_000;
const ASK_AGAIN_MS = 3_000;

/** If an upload's answer was lost, how often to ask whether the video arrived: the server may still be receiving it. */
const ARRIVED_TRIES = 4;

/** Uploads videos and follows their captures while the component is on the page. */
export function useVideoProcessor(): VideoProcessor {
  const { send, token } = useAccess();
  const [jobs, setJobs] = useState<readonly Job[]>([]);
  const uploads = useRef(new Map<string, AbortController>());
  const gone = useRef(new AbortController());
  const { available, failure, check } = useAvailable(send);

  useEffect(() => {
    const running = uploads.current;
    gone.current = new AbortController();
    const { current } = gone;
    return () => {
      current.abort();
      for (const upload of running.values()) upload.abort();
    };
  }, []);

  const change = useCallback((key: string, news: Partial<Job>) => {
    setJobs((before) => before.map((job) => (job.key === key ? { ...job, ...news } : job)));
  }, []);

  const submit = useCallback(
    async (file: File, session: Session, intent: string) => {
      const job = newJob(file);
      const { key } = job;
      setJobs((before) => [job, ...before]);
      if (job.failure) return;
      const upload = new AbortController();
      uploads.current.set(key, upload);
      try {
        const onProgress = (progress: number) => change(key, { progress });
        const form = videoForm(file, session, intent);
        const post = () => postForm(SUBMIT, form, { token: token(), onProgress, signal: upload.signal });
        const { job_id, capture_id } = await post()
          .catch(async (error: unknown) => {
            if (!(error instanceof ApiError) || error.status !== 401) throw error;
            await takesVideos(send, upload.signal); // asks for the token
            return post();
          })
          .catch(async (error: unknown) => {
            const captureId = String(form.get("capture_id"));
            if (!mayHaveArrived(error) || !(await arrived(send, captureId, upload.signal))) throw error;
            return { job_id: captureId, capture_id: captureId };
          });
        change(key, { stage: "queued", progress: 0, jobId: job_id, captureId: capture_id });
        await follow(send, job_id, (news) => change(key, news), gone.current.signal);
      } catch (error) {
        if (!gone.current.signal.aborted) change(key, { stage: "failed", failure: thrownFailure(error) });
      } finally {
        uploads.current.delete(key);
      }
    },
    [change, send, token],
  );

  const cancel = useCallback((key: string) => uploads.current.get(key)?.abort(), []);
  return { available, failure, check, jobs, submit, cancel };
}

function newJob(file: File): Job {
  const failure = fileFailure(file);
  const stage = failure ? "failed" : "uploading";
  const unknown = { jobId: null, captureId: null, report: null };
  return { key: newRecordId(), name: file.name, stage, progress: 0, failure, ...unknown };
}

interface Availability {
  readonly available: boolean | null;
  readonly failure: Failure | null;
}

const UNKNOWN: Availability = { available: null, failure: null };

function useAvailable(send: Send): Availability & Pick<VideoProcessor, "check"> {
  const [state, setState] = useState(UNKNOWN);
  useEffect(() => {
    const gone = new AbortController();
    void asked(send, gone.signal).then((found) => found && setState(found));
    return () => gone.abort();
  }, [send]);
  const check = useCallback(() => {
    void asked(send, new AbortController().signal).then((found) => found && setState(found));
  }, [send]);
  return { ...state, check };
}

/** Asks whether the server accepts videos; null if the component has left the page. */
async function asked(send: Send, gone: AbortSignal): Promise<Availability | null> {
  try {
    return { available: await takesVideos(send, gone), failure: null };
  } catch (error) {
    return gone.aborted ? null : { available: null, failure: failureOf(error) };
  }
}

/** Whether the server has received a video. Its job has the id of its capture, which this page has chosen. */
async function arrived(send: Send, captureId: string, gone: AbortSignal): Promise<boolean> {
  for (let tries = 0; tries < ARRIVED_TRIES && !gone.aborted; tries++) {
    if (tries > 0) await pause(ASK_AGAIN_MS, gone);
    try {
      await send("GET", `/video/status/${captureId}`, { signal: gone });
      return true;
    } catch {
      // the video has not arrived yet, or the server is still unreachable
    }
  }
  return false;
}

/** Asks for a job's status until it has ended, and reports each. If the server is unreachable, reports that and retries. */
async function follow(send: Send, jobId: string, tell: (news: Partial<Job>) => void, gone: AbortSignal): Promise<void> {
  for (;;) {
    let waitMs = ASK_EVERY_MS;
    try {
      const job = await json<JobStatus>(await send("GET", `/video/status/${jobId}`, { signal: gone }));
      const { status, progress, error } = job;
      if (status === "failed") {
        return tell({ stage: "failed", failure: jobFailure(error ?? "extraction_failed") });
      }
      const report =
        status === "done"
          ? await json<CaptureReport>(await send("GET", `/video/results/${jobId}`, { signal: gone }))
          : null;
      if (report && report.status !== "recorded") {
        return tell({ stage: "failed", failure: jobFailure(report.error_code ?? "extraction_failed") });
      }
      tell({ stage: status, progress: status === "done" ? 1 : progress, failure: null, report });
      if (report) return;
    } catch (error) {
      if (gone.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
      tell({ failure: failureOf(error) });
      waitMs = ASK_AGAIN_MS;
    }
    await pause(waitMs, gone);
    if (gone.aborted) return;
  }
}

function pause(ms: number, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    gone.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
