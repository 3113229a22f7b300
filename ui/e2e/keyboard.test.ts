import { expect, type Page, test } from "@playwright/test";
import { focusOf } from "./fit.ts";
import { open } from "./open.ts";

/** Everything without a mouse, and the focus never lost. */

test("goes to every page, its first details and back by keyboard alone", async ({ page }) => {
  test.setTimeout(180_000);
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts" });
  const names = await page
    .getByRole("navigation", { name: "Pages" })
    .getByRole("link")
    .evaluateAll((links) =>
      links.map((link) => (link.getAttribute("title") ?? "").replace(/ \(.*/, "")),
    );
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    await press(page, "Control+k");
    await page.keyboard.type(name);
    // The page below may have a choice of its own.
    await expect(page.getByRole("option", { selected: true }).last()).toContainText(name);
    await press(page, "Enter");
    await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
    await walk(page, name);
    await detailsAndBack(page, name);
  }
});

test("goes by two letters and by digits, and lists every key that there is", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts" });
  const shown = await page
    .getByRole("navigation", { name: "Pages" })
    .getByRole("link")
    .evaluateAll((links) =>
      links.map((link) => [link.getAttribute("title") ?? "", link.getAttribute("href") ?? ""]),
    );
  for (const [title = "", href = ""] of shown) {
    const [, letter = ""] = /\(G (.)\)/.exec(title) ?? [];
    await press(page, "g");
    await press(page, letter.toLowerCase());
    await expect(page).toHaveURL(new RegExp(`${href}(/|\\?|$)`));
  }
  await press(page, "?");
  const keys = page.getByRole("dialog", { name: "Keys of this page" });
  for (const [title = ""] of shown)
    await expect(keys.getByText(`Go to ${title.replace(/ \(.*/, "")}`)).toBeVisible();
  await press(page, "Escape");
  await expect(keys).toBeHidden();
  await seeFocus(page, "after the keys");
});

test("keeps the Tab key within a dialog, and gives the focus back", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/blocks", ready: "in force" });
  await press(page, "n");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  for (let step = 0; step < 20; step += 1) {
    await press(page, step % 2 === 0 ? "Tab" : "Shift+Tab");
    if (step % 5 === 0) await press(page, "Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("dialog") !== null)).toBe(
      true,
    );
  }
  await press(page, "Escape");
  await expect(dialog).toBeHidden();
  await seeFocus(page, "after the dialog");
});

test("keeps the focus when what had it goes", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/blocks", ready: "4 blocks in force" });
  await page.getByRole("row").nth(1).focus();
  await press(page, "l");
  await expect(page.getByText("3 blocks in force")).toBeVisible();
  await seeFocus(page, "after a row went");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("row");

  await page.getByRole("button", { name: "Undo" }).focus();
  await press(page, "Enter");
  await expect(page.getByText("4 blocks in force")).toBeVisible();
  await seeFocus(page, "after a message went");
});

test("skips what stands before the page", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts" });
  await page.getByRole("button", { name: "Skip to the page" }).focus();
  await seeFocus(page, "on the way past");
  await press(page, "Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Alerts" })).toBeFocused();
});

async function press(page: Page, key: string) {
  await page.keyboard.press(key);
  await seeFocus(page, `after ${key}`);
}

/** Something has the focus, in view and with a ring; at the latest two frames after the key. */
async function seeFocus(page: Page, when: string) {
  await page.evaluate(async () => {
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
  });
  const focus = await focusOf(page);
  expect(focus.element, when).toBeDefined();
  expect(focus, when).toMatchObject({
    visible: true,
    inView: true,
  });
}

/** Tab by Tab to the last stop of the page. */
async function walk(page: Page, name: string) {
  for (let step = 0; step < 60; step += 1) {
    const more = await page.evaluate(() => {
      const stops = [
        ...document.querySelectorAll<HTMLElement>(
          "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), [tabindex]",
        ),
      ].filter((stop) => stop.tabIndex >= 0 && stop.getClientRects().length > 0);
      return document.activeElement !== stops.at(-1);
    });
    if (!more) return;
    await press(page, "Tab");
  }
  expect(name, "has more stops than anyone would walk").toBe("");
}

/** Opens the first row of a page that has rows, closes it by Esc, and is on the row again. */
async function detailsAndBack(page: Page, name: string) {
  const row = page.getByRole("grid").getByRole("row").nth(1);
  if ((await row.count()) === 0) return;
  const before = page.url();
  for (let step = 0; step < 60; step += 1) {
    if (await page.evaluate(() => document.activeElement?.getAttribute("role") === "row")) break;
    await press(page, "Shift+Tab");
  }
  await press(page, "Home");
  await press(page, "Enter");
  await expect.poll(() => page.url(), `${name}: an address of its own`).not.toBe(before);
  await press(page, "Escape");
  await expect.poll(() => page.url(), `${name}: back`).toBe(before);
  expect(
    await page.evaluate(() => document.activeElement?.getAttribute("role")),
    `${name}: on the row again`,
  ).toBe("row");
}
