/** Elements and attributes that only draw. */
const shapes = new Set(["svg", "g", "path", "rect", "polygon"]);
const attributes = new Set([
  "viewBox",
  "d",
  "x",
  "y",
  "width",
  "height",
  "points",
  "fill",
  "stroke",
  "stroke-width",
  "transform",
  "shape-rendering",
]);

/**
 * An SVG document as an element of this page, of which only shapes are taken: the window's policy
 * allows neither data: images nor anything in a document that acts. Undefined if it is no SVG.
 */
export function picture(svg: string): SVGElement | undefined {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  return root.localName === "svg" ? copy(root) : undefined;
}

function copy(source: Element): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", source.localName);
  for (const { name, value } of source.attributes)
    if (attributes.has(name)) made.setAttribute(name, value);
  for (const child of source.children) if (shapes.has(child.localName)) made.append(copy(child));
  return made;
}
