import { ApiError, type Failure } from "../api/failure";
import { sentenceFor } from "../api/sentences";

const SENTENCES: Readonly<Record<string, string>> = {
  not_a_video: "This file is no video that can be taken. Choose an MP4, MOV, WebM or MKV file.",
  empty_file: "This file is empty. Choose another one.",
  file_too_large: "This file is larger than 200 MB. Choose a shorter video, or one of a lower quality.",
  upload_unavailable: "This server cannot take videos yet. A capture with the camera works all the same.",
  upload_lost: "The connection was lost during the upload. Check that you are connected, then upload the file again.",
  upload_cancelled: "The upload was cancelled. Nothing was kept.",
};

const AGAIN = "Nothing of it was kept. Upload it again.";

/** Why the server gave a video up, which is a capture to it. */
const BY_CODE: Readonly<Record<string, string>> = {
  limit_duration_exceeded: "This video is longer than two minutes. Nothing of it was kept. Upload a shorter one.",
  limit_duration_too_short: "This video is too short. Nothing of it was kept. Upload one of two seconds or more.",
  not_a_video: "The server could not read this file as a video. Save it as MP4 and upload it again.",
  no_frames: "There are no pictures in this video, only sound. Choose another one.",
  video_damaged: "This video is damaged, or only part of it is there. Save it again and upload it once more.",
  limit_resolution_exceeded: "The pictures of this video are too large for the server. Save it in 4K or smaller.",
  limit_fps_exceeded: "This video has too many pictures a second for the server. Save it with 240 or fewer.",
  limit_decode_time_exceeded: "This video takes the server too long to read. Save it as a plain MP4 and try again.",
  limit_memory_exceeded: "This video takes the server too much memory to read. Save it as a plain MP4 and try again.",
  no_worker:
    "No part of the server was there to look at this video. Tell the person who runs the server, then upload it again.",
  frames_lost: `The server lost this video when a part of it was started again. ${AGAIN}`,
  limit_frame_count_exceeded: "This video is longer than two minutes. Nothing of it was kept. Upload a shorter one.",
  session_closed: "The session was ended before this video was done. Nothing of it was kept. Start a new session.",
  extraction_failed: `The server could not find landmarks in this video. ${AGAIN}`,
};

/** The server itself names a code; a proxy with a limit of its own answers with a page. */
const LIMITED_ON_THE_WAY =
  "Something between this page and the server lets no file of this size through. Tell the person who runs the server, or " +
  "upload a smaller video.";

const BY_STATUS: Readonly<Record<number, string>> = {
  413: "This video is too large, or too long, for the server. At most 200 MB and two minutes are taken.",
  408: "The video came too slowly, so the server stopped waiting. Check your connection, then upload it again.",
  415: "The server could not read this file as a video. Save it as MP4 and try again.",
  429: "The server is busy with other videos.",
  503: "The server cannot take a video at the moment.",
};

/** The failure for a code that this page finds out by itself. */
export function uploadFailure(code: string): Failure {
  return { code, sentence: SENTENCES[code] ?? sentenceFor(code) };
}

/** Why a video that was uploaded was not recorded. */
export function jobFailure(code: string): Failure {
  return { code, sentence: BY_CODE[code] ?? `The server did not finish this video. ${AGAIN}` };
}

/** Whatever a request threw, as a failure of an upload. */
export function uploadFailureOf(error: ApiError): Failure {
  const { code, status } = error;
  if (status === 413 && code === "unexpected_answer") return { code, sentence: LIMITED_ON_THE_WAY };
  const again =
    status === 429 || status === 503 ? ` Wait ${lasting(error.retryAfterS)}, then upload this one again.` : "";
  return { code, sentence: (BY_STATUS[status] ?? error.sentence) + again };
}

function lasting(seconds: number): string {
  if (seconds <= 0 || seconds > 90) return seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : "a minute";
  return seconds < 2 ? "a moment" : `${seconds} seconds`;
}
