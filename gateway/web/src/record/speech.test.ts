import { hush, speak } from "./speech";

test("without speech in the browser, nothing happens: the text is on the page too", () => {
  vi.stubGlobal("SpeechSynthesisUtterance", undefined);
  expect("speechSynthesis" in window).toBe(false);
  speak("Drink", "en");
  hush();
});
