import { expect, it } from "vitest";
import { picture } from "./picture";

it("takes the shapes and nothing that acts", () => {
  const drawn = picture(
    `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="alert(1)"><script>alert(1)</script><style>*{}</style><g><path d="M0 0h1v1z" fill="#000" style="x" onclick="alert(1)"/></g><foreignObject><p/></foreignObject><image href="https://example.org/"/></svg>`,
  );
  expect(drawn?.outerHTML).toBe(
    '<svg viewBox="0 0 9 9"><g><path d="M0 0h1v1z" fill="#000"></path></g></svg>',
  );
});

it("takes no other document", () => {
  expect(picture("<p>no picture</p>")).toBeUndefined();
  expect(picture("not even markup <")).toBeUndefined();
});
