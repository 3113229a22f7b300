import { expect, test } from "@playwright/test";
import { signIn } from "./person.ts";
import { ask, stage } from "./stage.ts";

test("roundcube opens after the sign-in, and closes with its session", async ({ page }) => {
  await page.goto("/?_task=mail");
  await expect(page).toHaveURL(/\/sign-in\?return=/);
  await signIn(page, 1);
  await expect(page.locator("#rcmloginuser")).toHaveValue(stage.login);
  await page.locator("#rcmloginpwd").fill(stage.password);
  await page.getByRole("button", { name: /log ?in/i }).click();
  await expect(page.locator("#messagelist")).toBeVisible();
  await expect(page.getByText(/one-time code|code for/i).first()).toBeVisible();

  await ask("DELETE", `/v1/accounts/${stage.login}/sessions`);
  await page.goto("/?_task=mail");
  await signIn(page, 2);
  // Whoever was signed in to Roundcube before still is: only the way there was closed.
  await expect(page.locator("#messagelist")).toBeVisible();
  await page.goto("/sign-out");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto("/?_task=mail");
  await expect(page.getByLabel("Mail address")).toBeVisible();
});
