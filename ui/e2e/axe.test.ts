import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { open, setTheme } from "./open.ts";
import { cases } from "./pages.ts";

/** Every page, in every state that changes what it shows, in both themes, with every rule of axe. */
for (const shown of cases)
  test(`${shown.name} has no fault that axe finds, and fits`, async ({ page }) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.setViewportSize({ width: 1280, height: 800 });
    await open(page, shown, "light");
    expect.soft(await faults(page), "in light").toEqual([]);
    // As narrow as the window gets.
    await page.setViewportSize({ width: 900, height: 600 });
    await setTheme(page, "dark");
    expect.soft(await faults(page), "in dark and narrow").toEqual([]);
    expect(complaints).toEqual([]);
  });

async function faults(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => ({
    id,
    at: nodes.map(({ html }) => html.slice(0, 160)),
  }));
  const wide = await overflowing(page);
  return wide.length > 0 ? [...found, { id: "too wide", at: wide }] : found;
}

/** What reaches out of the window, or is wider than the pane that should hold it. */
function overflowing(page: Page) {
  return page.evaluate(() => {
    const isCut = (element: Element): boolean => {
      const parent = element.parentElement;
      return (
        parent !== null &&
        parent !== document.body &&
        (getComputedStyle(parent).textOverflow === "ellipsis" || isCut(parent))
      );
    };
    return [...document.querySelectorAll("body *")]
      .filter((element) => {
        const style = getComputedStyle(element);
        if (
          style.clipPath !== "none" ||
          style.visibility === "hidden" ||
          isCut(element) ||
          element.closest("pre")
        )
          return false;
        const box = element.getBoundingClientRect();
        const scrolls = style.overflowX === "auto" || style.overflowX === "scroll";
        return (
          (box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)) ||
          (scrolls && element.scrollWidth > element.clientWidth + 1)
        );
      })
      .map((element) => element.outerHTML.slice(0, 160));
  });
}
