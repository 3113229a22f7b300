import { expect, type Page, test } from "@playwright/test";
import { givePassword, look, submit } from "./person.ts";
import { stage } from "./stage.ts";

const LETTERS = "Letters and digits in the picture";
const CHECK = /Letters and digits in the picture|Type letters from a picture instead/;

test("a captcha passes by itself, and is a picture where that is wanted", async ({ page }) => {
  await provoke(page);
  await expect(page.getByText("Check passed.")).toBeVisible();
  await look(page, "captcha");

  await page.getByText("Type letters from a picture instead").click();
  await expect(page.getByLabel(LETTERS)).toBeVisible();
  await look(page, "captcha as a picture");
  const first = await picture(page);
  await page.getByText("Another picture").click();
  await expect.poll(() => picture(page)).not.toBe(first);
  await submit(page, "Go on", {
    "Mail address": stage.login,
    Password: stage.password,
    [LETTERS]: "wrong",
  });
  await expect(page.getByText("letters").first()).toBeVisible();
  await expect(page).toHaveURL(/\/sign-in/);
  await look(page, "wrong letters");
  await page.getByText("Let the browser pass the check instead").click();

  // Sent off at once, whether the check is done by then or not.
  await expect(page.getByText("Type letters from a picture instead")).toBeVisible();
  await givePassword(page);
  await expect(page.getByText("A code of six digits was mailed to")).toBeVisible();
});

test.describe("of a browser without a head", () => {
  test.use({ userAgent: "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0 Safari/537.36" });

  test("a captcha is asked for at once", async ({ page }) => {
    await page.goto("/mail/");
    await expect(page.getByText("Check passed.")).toBeVisible();
  });
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("the captcha is a picture", async ({ page }) => {
    await provoke(page);
    await expect(page.getByLabel(LETTERS)).toBeVisible();
    expect(await picture(page)).toMatch(/^data:image\/png;base64,/);
    await givePassword(page);
    await expect(page.getByLabel("Code", { exact: true })).toHaveCount(0);
    await expect(page.getByLabel(LETTERS)).toBeVisible();
  });
});

/** Fails until a captcha is asked for, and not before. */
async function provoke(page: Page) {
  await page.goto("/mail/");
  for (let failures = 0; failures < 3; failures += 1) {
    await expect(page.getByText(CHECK)).toHaveCount(0);
    await givePassword(page, "not this one");
    await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  }
  await expect(page.getByText(CHECK).filter({ visible: true })).toBeVisible();
}

async function picture(page: Page): Promise<string | null> {
  return page.getByRole("img").getAttribute("src");
}
