import { expect, it } from "vitest";
import { framed } from "./frame";

it("lets nothing be fetched, and says so in the document itself", () => {
  const document = framed("<p>Hello</p>");
  expect(document).toContain("<p>Hello</p>");
  expect(document).toMatch(
    /<head>.*http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:;/,
  );
});

it("shows where a link leads, and does not lead there", () => {
  const document = framed('<a href="http://evil.example/x?a=1&amp;b=2">https://bank.example</a>');
  expect(document).not.toContain("href");
  expect(document).toContain("[http://evil.example/x?a=1&amp;b=2]");
  // A link that says where it leads says it once.
  expect(framed('<a href="https://a.example/">https://a.example/</a>')).not.toContain("[");
  expect(framed('<a href="#top">up</a>')).not.toContain("[");
});

it("keeps out what could act or change the rest, even if it came this far", () => {
  const document = framed(
    '<base href="http://e.example/"><meta http-equiv="refresh" content="0;url=http://e.example/">' +
      '<script>x()</script><form action="http://e.example/"><input></form><iframe src="http://e.example/"></iframe>' +
      '<svg><style>*{}</style></svg><area href="http://e.example/"><p>there</p>',
  );
  expect(document).toContain("<p>there</p>");
  for (const tag of ["<script", "<form", "<base", "<iframe", "<style", "refresh", "href"])
    expect(document).not.toContain(tag);
});

it("cuts a target that has no end", () => {
  const told = framed(`<a href="http://e.example/${"x".repeat(5_000)}">here</a>`);
  expect(told).toMatch(/\[http:\/\/e\.example\/x{90,110}…\]/);
});
