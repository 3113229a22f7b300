import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// The first is quicker: it has no window at all.
const CHROMIUMS = ["chromium-headless-shell", "chromium", "chromium-browser"].map(
  (name) => `/usr/bin/${name}`,
);
const PORT = Number(process.env.PORT ?? 5174);

export const browser = {
  executablePath: process.env.CHROMIUM ?? CHROMIUMS.find((path) => existsSync(path)) ?? "chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
};

export default defineConfig({
  testDir: "e2e",
  testMatch: "*.test.ts",
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  reporter: "line",
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    launchOptions: browser,
    viewport: { width: 1280, height: 800 },
    // A trace of every test doubles the time of all; `--trace on` makes one of those that are named.
    screenshot: "only-on-failure",
  },
  webServer: {
    command: `npx vite preview --mode mock --outDir dist-mock --port ${PORT}`,
    url: `http://127.0.0.1:${PORT}`,
    cwd: import.meta.dirname,
    reuseExistingServer: false,
  },
});
