import { ApiError, type Failure } from "../api/failure";
import { sentenceFor } from "../api/sentences";

const SENTENCES: Readonly<Record<string, string>> = {
  not_a_video: "This file is no MP4 video. Choose a file whose name ends in .mp4.",
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
  limit_frame_count_exceeded: "This video is longer than two minutes. Nothing of it was kept. Upload a shorter one.",
  session_closed: "The session was ended before this video was done. Nothing of it was kept. Start a new session.",
  extraction_failed: `The server could not find landmarks in this video. ${AGAIN}`,
};

const BY_STATUS: Readonly<Record<number, string>> = {
  413: "This video is too large, or too long, for the server. At most 200 MB and two minutes are taken.",
  415: "The server could not read this file as a video. Save it as MP4 and try again.",
  429: "The server is busy with other videos. Wait a minute, then upload this one again.",
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
  return { code: error.code, sentence: BY_STATUS[error.status] ?? error.sentence };
}
