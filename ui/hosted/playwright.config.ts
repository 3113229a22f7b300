import { defineConfig, devices } from "@playwright/test";
import { browser } from "../playwright.config.ts";
import { stage } from "./stage.ts";

/** The hosted pages before the real service; the service's own tests set the stage and start this. */
export default defineConfig({
  testDir: ".",
  testMatch: "*.test.ts",
  workers: 1,
  forbidOnly: true,
  reporter: "line",
  outputDir: stage.output,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  use: {
    baseURL: stage.base,
    launchOptions: browser,
    // One that names itself headless is asked for a captcha at once.
    userAgent: devices["Desktop Chrome"].userAgent,
    locale: "en",
    viewport: { width: 1024, height: 700 },
    screenshot: "only-on-failure",
  },
});
