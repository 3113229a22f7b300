/**
 * The document in which the HTML of a message is shown. What comes here was sanitized by the core already; here
 * is the second wall: no scripts run in the frame, nothing is fetched by it, and no link leads out of it.
 */

/** Nothing may be fetched; styles stand in attributes alone. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** Mail is written for a white page; it stays one in the dark, too. */
const PAGE =
  "color-scheme:light;margin:0;padding:12px 16px;background:#fff;color:#181b20;font:14px/20px system-ui,sans-serif;overflow-wrap:anywhere";

const LONGEST_TARGET = 120;

export function framed(html: string): string {
  // A document that was only parsed runs nothing and fetches nothing.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const element of parsed.querySelectorAll(
    "script, style, link, meta, base, form, iframe, frame, object, embed, title",
  ))
    element.remove();
  for (const link of parsed.querySelectorAll("a[href], area[href]")) unlink(link);
  const head = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
  return `<!doctype html><html><head>${head}</head><body style="${PAGE}">${parsed.body.innerHTML}</body></html>`;
}

/** A link says where it leads, and does not lead there. */
function unlink(link: Element) {
  const target = link.getAttribute("href") ?? "";
  link.removeAttribute("href");
  link.removeAttribute("target");
  if (target === "" || target.startsWith("#")) return;
  link.setAttribute("title", target);
  if (link.textContent.trim() === target) return;
  const told = link.ownerDocument.createElement("span");
  told.textContent = ` [${target.length > LONGEST_TARGET ? `${target.slice(0, LONGEST_TARGET)}…` : target}]`;
  told.setAttribute("style", "color:#5e6672;font:12px/16px monospace");
  link.after(told);
}
