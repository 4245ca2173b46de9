import { ApiError, failureWith, type Failure } from "../api/failure";
import constants from "../api/constants.json";
import { known, sentenceFor, textFor } from "../api/sentences";
import { words } from "../words";

const OF_A_VIDEO: ReadonlySet<string> = new Set(constants.video_codes);

/** The failure for a code that this page detects itself. */
export function uploadFailure(code: string): Failure {
  return failureWith(code, () => known<string>(words().failures.upload, code) ?? sentenceFor(code));
}

/** The failure for the code with which an uploaded video was not recorded. */
export function jobFailure(code: string): Failure {
  return failureWith(code, () => {
    const { job } = words().failures;
    const { happened, advice } = (OF_A_VIDEO.has(code) ? textFor(code, "video") : undefined) ?? job;
    return `${happened} ${job.notKept} ${advice}`;
  });
}

/** The failure for an error that a request of an upload threw. */
export function uploadFailureOf(error: ApiError): Failure {
  return failureWith(error.code, () => refusalSentence(error));
}

function refusalSentence({ code, status, sentence, retryAfterS }: ApiError): string {
  const { job, proxyLimit } = words().failures;
  // a proxy that refuses the file's size answers with a page, which has no code of the server
  if (status === 413 && code === "unexpected_answer") return proxyLimit;
  if (status !== 429 && status !== 503) return sentence;
  return `${textFor(code, "video")?.happened ?? job.refused} ${job.wait(inWords(retryAfterS))}`;
}

function inWords(seconds: number): string {
  const { job } = words().failures;
  if (seconds <= 0 || seconds > 90) return seconds > 90 ? job.minutes(Math.ceil(seconds / 60)) : job.minute;
  return seconds < 2 ? job.moment : job.seconds(seconds);
}
