import { act } from "@testing-library/react";
import { vi } from "vitest";

/** Replaces `XMLHttpRequest`; the test acts as the server. */
export class FakeUpload extends EventTarget {
  static readonly all: FakeUpload[] = [];

  readonly upload = new EventTarget();
  readonly headers = new Map<string, string>();
  method = "";
  path = "";
  form = new FormData();
  status = 0;
  responseText = "";
  retryAfter: string | null = null;
  aborted = false;

  constructor() {
    super();
    FakeUpload.all.push(this);
  }

  open(method: string, path: string): void {
    Object.assign(this, { method, path });
  }

  setRequestHeader(name: string, value: string): void {
    this.headers.set(name, value);
  }

  getResponseHeader(name: string): string | null {
    return name === "Retry-After" ? this.retryAfter : null;
  }

  send(form: FormData): void {
    this.form = form;
  }

  abort(): void {
    this.aborted = true;
    this.dispatchEvent(new Event("abort"));
  }

  /** Reports that so many bytes were sent. */
  progresses(loaded: number, total: number): Promise<void> {
    return act(async () => void this.upload.dispatchEvent(new ProgressEvent("progress", { loaded, total })));
  }

  /** The server answers. */
  answers(status: number, document: unknown, retryAfter: string | null = null): Promise<void> {
    Object.assign(this, { status, responseText: JSON.stringify(document), retryAfter });
    return act(async () => void this.dispatchEvent(new Event("load")));
  }

  /** The connection is lost. */
  fails(): Promise<void> {
    return act(async () => void this.dispatchEvent(new Event("error")));
  }
}

/** Replaces `XMLHttpRequest` by the fake; the result returns the last one that the page created. */
export function installUploads(): () => FakeUpload {
  FakeUpload.all.length = 0;
  vi.stubGlobal("XMLHttpRequest", FakeUpload);
  return () => {
    const upload = FakeUpload.all.at(-1);
    if (!upload) throw new Error("nothing was uploaded");
    return upload;
  };
}

/** A file that reports this size without having so many bytes. */
export function mp4(name = "clip.mp4", size = 1000, type = "video/mp4"): File {
  const file = new File(["video"], name, { type });
  Object.defineProperty(file, "size", { value: size });
  return file;
}
