import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

export interface Fault {
  id: string;
  at: string[];
}

/** Everything that axe finds, with every rule unless some are named. */
export async function axeFaults(page: Page, rules?: string[]): Promise<Fault[]> {
  // No frame is in these pages, so nothing has to be gathered in a page of its own.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"] });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.map(({ id, nodes }) => ({
    id,
    at: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary ?? ""}`),
  }));
}

/** What reaches out of the window or of the pane that should hold it, and text that is cut off. */
export async function misfits(page: Page): Promise<Fault[]> {
  const { wide, cut } = await page.evaluate(() => {
    const isCut = (element: Element): boolean => {
      const parent = element.parentElement;
      return (
        parent !== null &&
        parent !== document.body &&
        (getComputedStyle(parent).textOverflow === "ellipsis" || isCut(parent))
      );
    };
    const isHidden = (element: Element): boolean => {
      const { clipPath, clip, visibility } = getComputedStyle(element);
      const parent = element.parentElement;
      return (
        clipPath !== "none" ||
        clip !== "auto" ||
        visibility === "hidden" ||
        (parent !== null && isHidden(parent))
      );
    };
    const isTitled = (element: Element) =>
      element.closest("[title]") !== null || element.querySelector("[title]") !== null;
    const elements = [...document.querySelectorAll("body *")].filter(
      (element) => !isHidden(element) && element.closest("pre, svg") === null,
    );
    // What lies in a pane that is meant to scroll sideways is out of the window until it does.
    const scrollsOn = (element: Element) => {
      const pane = element.closest("[role='group'][tabindex='0']");
      return pane !== null && getComputedStyle(pane).overflowX === "auto";
    };
    const named = (found: Element[]) => found.map((element) => element.outerHTML.slice(0, 200));
    return {
      wide: named(
        elements.filter((element) => {
          if (isCut(element) || scrollsOn(element)) return false;
          const style = getComputedStyle(element);
          const box = element.getBoundingClientRect();
          const scrolls = style.overflowX === "auto" || style.overflowX === "scroll";
          return (
            (box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)) ||
            (scrolls && element.scrollWidth > element.clientWidth + 1)
          );
        }),
      ),
      cut: named(
        elements.filter((element) => {
          // Of a list that is drawn in parts, the rest is no loss.
          if (element.matches("input, textarea, select, dialog, [role='presentation']"))
            return false;
          const style = getComputedStyle(element);
          const cuts = (overflow: string) => overflow === "hidden" || overflow === "clip";
          const sideways =
            cuts(style.overflowX) &&
            element.clientWidth > 0 &&
            element.scrollWidth > element.clientWidth + 1;
          const below =
            cuts(style.overflowY) &&
            element.clientHeight > 0 &&
            element.scrollHeight > element.clientHeight + 2;
          const says = (element.textContent || "").trim() !== "";
          // A cell says the whole once it is pointed at, and its row's details do.
          const isTold = isTitled(element) || element.matches("[role='gridcell']");
          const dotted =
            (style.textOverflow === "ellipsis" && !below) ||
            style.getPropertyValue("-webkit-line-clamp") !== "none";
          return says && (below || sideways) && !(dotted && isTold);
        }),
      ),
    };
  });
  return [
    ...(wide.length > 0 ? [{ id: "too wide", at: wide }] : []),
    ...(cut.length > 0 ? [{ id: "cut off", at: cut }] : []),
  ];
}

/** What has the focus, and whether one can see that. */
export interface Focus {
  /** Its beginning; undefined where nothing has the focus. */
  element: string | undefined;
  visible: boolean;
  inView: boolean;
}

export function focusOf(page: Page): Promise<Focus> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement)
      return { element: undefined, visible: false, inView: false };
    const ringed = (candidate: Element | null): boolean => {
      if (!candidate) return false;
      const style = getComputedStyle(candidate);
      return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    };
    // A frame around a field shows the focus of what is in it.
    const visible =
      ringed(element) || ringed(element.parentElement) || ringed(element.closest("dialog"));
    const box = element.getBoundingClientRect();
    const inView =
      box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return { element: element.outerHTML.slice(0, 160), visible, inView };
  });
}
