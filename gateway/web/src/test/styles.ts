const compute = window.getComputedStyle;
const styles = new Map<string, CSSStyleDeclaration>();

/** The attributes for which jsdom's own style sheet has rules, as far as the pages have them. */
const STYLING = ["hidden", "open", "type", "dir", "popover", "multiple"] as const;
/** What of an element's own style tests look at, or what they look at depends on. */
const SEEN = /display|visibility|pointer-events|opacity|content|color/;

/**
 * Computes each style once. jsdom takes milliseconds for one, and a query by role needs hundreds. No test has a style sheet,
 * so an element's style depends only on the names and attributes of itself and of the elements around it.
 */
export function computeStylesOnce(): void {
  window.getComputedStyle = (element, pseudo) => {
    if (pseudo) return compute(element, pseudo);
    const path = pathOf(element);
    const style = styles.get(path) ?? compute(element);
    styles.set(path, style);
    return style;
  };
}

function pathOf(element: Element): string {
  let name = element.localName;
  for (const attribute of STYLING) {
    if (element.hasAttribute(attribute)) name += ` ${attribute}=${element.getAttribute(attribute)}`;
  }
  const style = element.getAttribute("style");
  if (style !== null && SEEN.test(style)) name += ` ${style}`;
  return element.parentElement ? `${pathOf(element.parentElement)}>${name}` : name;
}
