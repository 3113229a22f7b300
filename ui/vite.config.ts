import { fileURLToPath } from "node:url";
import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const messages = paraglideVitePlugin({
  project: "./project.inlang",
  outdir: "./src/paraglide",
  strategy: ["globalVariable", "baseLocale"],
});

export default defineConfig(({ mode }) => {
  const mocked = mode === "mock" || mode === "test";
  return {
    plugins: [
      // Its watch keeps vitest from ending; there "npm test" compiles the messages before.
      ...(mode === "test" ? [] : [messages]),
      svelte(),
    ],
    resolve: {
      alias: [
        { find: /^\$messages$/, replacement: path("./src/paraglide/messages.js") },
        { find: /^\$lib\//, replacement: path("./src/lib/") },
        { find: /^\$components\//, replacement: path("./src/components/") },
        {
          find: /^\$host$/,
          replacement: path(mocked ? "./src/host/mock.ts" : "./src/host/tauri.ts"),
        },
        { find: /^\$host\//, replacement: path("./src/host/") },
      ],
      // Component tests mount in jsdom and need Svelte's browser build.
      ...(mode === "test" ? { conditions: ["browser"] } : {}),
    },
    server: { host: "127.0.0.1", port: 5173, strictPort: true },
    preview: {
      host: "127.0.0.1",
      strictPort: true,
      // As strict as the window, so that page tests notice what it would refuse.
      headers: {
        "Content-Security-Policy":
          "default-src 'self'; img-src 'self' data:; style-src-attr 'unsafe-inline'",
      },
    },
    clearScreen: false,
    build: {
      outDir: mode === "mock" ? "dist-mock" : "dist",
      emptyOutDir: true,
      // The gallery of components is for tests only.
      ...(mode === "mock"
        ? { rollupOptions: { input: [path("./index.html"), path("./gallery.html")] } }
        : {}),
      // WebKitGTK 4.1 on the oldest system we support.
      target: ["es2022", "safari16.4"],
      // The policy allows no data: fonts.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    test: {
      environment: "jsdom",
      include: ["src/**/*.test.ts"],
      setupFiles: ["./src/test-setup.ts"],
      // For machines that do something else besides.
      testTimeout: 20_000,
      clearMocks: true,
      restoreMocks: true,
    },
  };
});
