/** Says the whole of a cell whose end is cut off, once it is pointed at; for lists' `onpointerover`. */
export function sayWhole(event: PointerEvent) {
  const cell = event.target instanceof Element ? event.target.closest("[role='gridcell']") : null;
  if (!(cell instanceof HTMLElement) || cell.querySelector("[title]")) return;
  if (cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent.trim();
  else cell.removeAttribute("title");
}
