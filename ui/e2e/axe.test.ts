import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { open, type Theme } from "./open.ts";
import { cases } from "./pages.ts";

/** Every page, in every state that changes what it shows, in both themes, with every rule of axe. */
for (const theme of ["light", "dark"] satisfies Theme[])
  for (const shown of cases)
    test(`${shown.name} in ${theme} has no fault that axe finds`, async ({ page }) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      // As narrow as the window gets in light, as most have it in dark.
      if (theme === "light") await page.setViewportSize({ width: 900, height: 600 });
      await open(page, shown, theme);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(({ id, nodes }) => ({
          id,
          at: nodes.map(({ html }) => html.slice(0, 160)),
        })),
      ).toEqual([]);
      expect(await overflowing(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });

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
        if (style.clipPath !== "none" || style.visibility === "hidden" || isCut(element))
          return false;
        const box = element.getBoundingClientRect();
        const scrolls = style.overflowX === "auto" || style.overflowX === "scroll";
        return (
          (box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)) ||
          (scrolls && element.tagName !== "PRE" && element.scrollWidth > element.clientWidth + 1)
        );
      })
      .map((element) => element.outerHTML.slice(0, 160));
  });
}
