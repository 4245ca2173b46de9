import { ApiError, type Failure } from "../api/failure";
import constants from "../api/constants.json";
import { sentenceFor, textFor } from "../api/sentences";

const SENTENCES: Readonly<Record<string, string>> = {
  not_a_video: "This file is not a video that the server accepts. Choose an MP4, MOV, WebM or MKV file.",
  empty_file: "This file is empty. Choose another one.",
  file_too_large: "The video is too large. The limit is 200 MB. Choose a shorter video, or one of a lower quality.",
  upload_unavailable: "This server does not accept videos yet. You can still capture with the camera.",
  upload_lost: "The connection was lost during the upload. Check that you are connected, then upload the file again.",
  upload_cancelled: "The upload was cancelled. Nothing was kept.",
};

const OF_A_VIDEO: ReadonlySet<string> = new Set(constants.video_codes);

/** For a proxy that refuses the file's size: its answer is a page without a code of the server. */
const PROXY_LIMIT =
  "The network between this page and the server does not accept a file of this size. Upload a smaller video, or tell " +
  "the person who runs the server.";

/** The failure for a code that this page detects itself. */
export function uploadFailure(code: string): Failure {
  return { code, sentence: SENTENCES[code] ?? sentenceFor(code) };
}

/** The failure for the code with which an uploaded video was not recorded. */
export function jobFailure(code: string): Failure {
  const text = OF_A_VIDEO.has(code) ? textFor(code, "video") : undefined;
  const { happened, advice } = text ?? {
    happened: "The server did not finish this video.",
    advice: "Upload it again.",
  };
  return { code, sentence: `${happened} Nothing of it was kept. ${advice}` };
}

/** The failure for an error that a request of an upload threw. */
export function uploadFailureOf(error: ApiError): Failure {
  const { code, status } = error;
  if (status === 413 && code === "unexpected_answer") return { code, sentence: PROXY_LIMIT };
  if (status !== 429 && status !== 503) return { code, sentence: error.sentence };
  const happened = textFor(code, "video")?.happened ?? "The server cannot receive videos at the moment.";
  return { code, sentence: `${happened} Wait ${inWords(error.retryAfterS)}, then upload this one again.` };
}

function inWords(seconds: number): string {
  if (seconds <= 0 || seconds > 90) return seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : "a minute";
  return seconds < 2 ? "a moment" : `${seconds} seconds`;
}
