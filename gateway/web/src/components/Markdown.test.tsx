import { render, screen } from "@testing-library/react";

import { Markdown } from "./Markdown";

function shown(text: string): string {
  const { container } = render(<Markdown text={text} />);
  return (container.firstElementChild as HTMLElement).innerHTML;
}

test.each([
  ["# May we?\n\n## Why", "<h3>May we?</h3><h4>Why</h4>"],
  ["##### Small", "<h6>Small</h6>"],
  ["\uFEFF# A file of Windows", "<h3>A file of Windows</h3>"],
  [
    "Two **strong** and *soft* ~~gone~~\nlines",
    "<p>Two <strong>strong</strong> and <em>soft</em> <del>gone</del>\nlines</p>",
  ],
  ["A hard  \nbreak", "<p>A hard<br>break</p>"],
  ["- one\n- *two*", "<ul><li>one</li><li><em>two</em></li></ul>"],
  ["3. one\n\n4. two", '<ol start="3"><li><p>one</p></li><li><p>two</p></li></ol>'],
  ["- [x] done\n- [ ] open", "<ul><li>☑ done</li><li>☐ open</li></ul>"],
  ["> said", "<blockquote><p>said</p></blockquote>"],
  ["a `b <i>` c\n\n    d", "<p>a <code>b &lt;i&gt;</code> c</p><pre>d</pre>"],
  ["a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"],
  ["Fish &amp; chips&nbsp;&#33; &nosuch; \\*as is\\*", "<p>Fish &amp; chips&nbsp;! &amp;nosuch; *as is*</p>"],
  [
    "| what | how long |\n|---|---|\n| points | *ten* years |",
    "<table><thead><tr><th>what</th><th>how long</th></tr></thead>" +
      "<tbody><tr><td>points</td><td><em>ten</em> years</td></tr></tbody></table>",
  ],
])("%j is shown as elements", (text, html) => {
  expect(shown(text)).toBe(html);
});

test.each([
  ["<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"],
  ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
  ["a <b>b</b> c", "<p>a &lt;b&gt;b&lt;/b&gt; c</p>"],
  ["&lt;script&gt;alert(1)&lt;/script&gt;", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"],
  ["a <!-- version 3 --> b\n\n<!-- approved -->", "<p>a  b</p>"],
  ["<!-- version\n3 --> You may **stop**.\n\n<!-- a --><b>b</b><!-- c -->", " You may **stop**.&lt;b&gt;b&lt;/b&gt;"],
  ["<!-- not closed\n\nYou may stop.", "&lt;!-- not closed\n\nYou may stop."],
  ["![a hand](https://x.example/hand.png)", "<p>a hand</p>"],
  ["[press](javascript:alert(1)) [here](data:text/html,x) [there](/live)", "<p>press here there</p>"],
  ["[a][b]\n\n[b]: JaVaScRiPt:alert(1)", "<p>a</p>"],
])("no HTML of %j gets into the page, and nothing from another site", (text, html) => {
  expect(shown(text)).toBe(html);
});

test.each(["https://x.example/more", "mailto:study@x.example", "tel:+15550100"])(
  "%s is a link, in a new tab",
  (href) => {
    render(<Markdown text={`Ask [us](${href}).`} />);
    const link = screen.getByRole("link", { name: "us (in a new tab)" });
    expect([link.getAttribute("href"), link.getAttribute("target"), link.getAttribute("rel")]).toEqual([
      href,
      "_blank",
      "noreferrer",
    ]);
  },
);
