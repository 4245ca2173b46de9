/** Reads a text aloud, and breaks off what was read before. `language` is a tag such as `de`; null if it is not known. */
export function speak(text: string, language: string | null): void {
  if (!("speechSynthesis" in window)) return; // the text is on the page too
  hush();
  const spoken = new SpeechSynthesisUtterance(text);
  if (language !== null) spoken.lang = language;
  window.speechSynthesis.speak(spoken);
}

/** Stops reading. */
export function hush(): void {
  if ("speechSynthesis" in window) window.speechSynthesis.cancel();
}
