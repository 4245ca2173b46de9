import { rememberGlobals } from "./globals";

test("what a file replaced, added or took away is as before it", () => {
  const { getContext } = HTMLCanvasElement.prototype;
  const restore = rememberGlobals();
  HTMLCanvasElement.prototype.getContext = () => null;
  Object.defineProperty(navigator, "wakeLock", { configurable: true, value: {} });
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
  Reflect.deleteProperty(Element.prototype, "scrollIntoView");
  restore();
  expect(HTMLCanvasElement.prototype.getContext).toBe(getContext);
  expect("wakeLock" in navigator).toBe(false);
  expect(document.visibilityState).toBe("visible");
  expect(Element.prototype.scrollIntoView).toBeTypeOf("function");
});
