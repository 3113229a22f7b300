import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CDPSession, expect, type Page, test } from "@playwright/test";
import { axeFaults, focusOf, misfits } from "./fit.ts";

/** Every component in every state: at every size, enlarged, in both themes, without motion, in forced colours. */

const source = join(import.meta.dirname, "../src");
const names = (folder: string) =>
  readdirSync(join(source, folder))
    .filter((file) => file.endsWith(".svelte"))
    .map((file) => file.replace(".svelte", ""));
const shown = names("gallery/shown");

/** The address of each state of each component. */
const addresses = shown.flatMap((name) => {
  const text = readFileSync(join(source, "gallery/shown", `${name}.svelte`), "utf8");
  const states = /states = \[([^\]]*)\]/.exec(text)?.[1] ?? "";
  return [name, ...[...states.matchAll(/"([^"]+)"/g)].map(([, state]) => `${name}/${state}`)];
});

const normal = { width: 1024, height: 700 };
/** The same at 200 %. */
const smallest = { width: 512, height: 350 };
const sizes = [normal, { width: 1600, height: 1000 }, { width: 2560, height: 1440 }];
/** At 200 %, a window has half as many CSS pixels, each of two by two. */
const enlarged = sizes.map(({ width, height }) => ({ width: width / 2, height: height / 2 }));
const themes = ["light", "dark"] as const;

test("the gallery shows every component", () => {
  expect(shown).toEqual(names("components"));
});

for (const address of addresses)
  test(`${address} fits everywhere, has no fault and shows the focus`, async ({ page }) => {
    test.setTimeout(180_000);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await open(page, address);
    for (const theme of themes) {
      await look(page, theme);
      for (const size of [...sizes, ...enlarged]) {
        await page.setViewportSize(size);
        await frame(page);
        expect.soft(await misfits(page), `${theme} ${size.width}`).toEqual([]);
      }
      await page.setViewportSize(theme === "light" ? normal : smallest);
      await frame(page);
      expect.soft(await axeFaults(page), theme).toEqual([]);
    }
    await hoverAll(page);
    for (const theme of themes) {
      await look(page, theme);
      expect.soft(await axeFaults(page, ["color-contrast"]), `${theme}, pointed at`).toEqual([]);
    }
    await page.emulateMedia({ reducedMotion: "reduce", forcedColors: "active" });
    await open(page, address);
    expect.soft(await moving(page), "without motion").toEqual([]);
    expect.soft(await misfits(page), "in forced colours").toEqual([]);
    await walk(page);
    expect(complaints).toEqual([]);
  });

async function open(page: Page, address: string) {
  // A change of the hash alone would load nothing.
  await page.goto("about:blank");
  await page.goto(`/gallery.html?theme=light#/${address}`);
  await expect(page.getByText("All components").or(page.locator("h1")).first()).toBeAttached();
  await page.evaluate(() => document.fonts.ready);
  await frame(page);
}

async function look(page: Page, theme: "light" | "dark") {
  await page.evaluate((chosen) => {
    document.documentElement.dataset.theme = chosen;
  }, theme);
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    ),
  );
}

async function frame(page: Page) {
  await page.evaluate(() => new Promise(requestAnimationFrame));
}

/** Animations that take longer than a moment, though the reader wants none. */
function moving(page: Page) {
  return page.evaluate(() =>
    document
      .getAnimations()
      .filter((animation) => Number(animation.effect?.getComputedTiming().endTime) > 20)
      .map((animation) => (animation as CSSAnimation).animationName || animation.id),
  );
}

/** Goes through every stop of the Tab key; each must be seen to have the focus. */
async function walk(page: Page) {
  const count = await page.evaluate(
    () =>
      [
        ...document.querySelectorAll<HTMLElement>(
          "a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex]",
        ),
      ].filter((stop) => stop.tabIndex >= 0 && stop.getClientRects().length > 0).length,
  );
  let seen = 0;
  for (let step = 0; step <= count; step += 1) {
    const focus = await focusOf(page);
    if (focus.element !== undefined) {
      seen += 1;
      expect.soft(focus.visible, `one sees the focus on ${focus.element}`).toBe(true);
      expect.soft(focus.inView, `in view: ${focus.element}`).toBe(true);
    }
    await page.keyboard.press("Tab");
    await frame(page);
  }
  expect(seen, "stops on the way").toBeGreaterThanOrEqual(Math.min(count, 1));
}

/** Everything that can be pressed looks as if pointed at. */
async function hoverAll(page: Page) {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send("DOM.enable");
  await session.send("CSS.enable");
  const { root } = await session.send("DOM.getDocument");
  const { nodeIds } = await session.send("DOM.querySelectorAll", {
    nodeId: root.nodeId,
    selector: "button, a, [role='option'], [role='row'], input, select",
  });
  for (const nodeId of nodeIds)
    await session.send("CSS.forcePseudoState", { nodeId, forcedPseudoClasses: ["hover"] });
}
