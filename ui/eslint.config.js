import { readdirSync } from "node:fs";
import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

const noTauri = {
  group: ["@tauri-apps/*", "**/generated/*"],
  message: "Only src/host/ may know Tauri.",
};
const noMock = {
  group: ["$host/mock", "$host/mock/*", "**/host/mock", "**/host/mock/*"],
  message: "The mock is for tests only; import from $host.",
};
const noPage = {
  group: ["**/pages/**", "$pages/*"],
  message: "A component knows no page.",
};

const areas = readdirSync(new URL("./src/pages/", import.meta.url));

const restrict = (...patterns) => ({
  "no-restricted-imports": ["error", { patterns }],
});

export default ts.config(
  {
    ignores: [
      "dist/",
      "dist-mock/",
      "src/generated/",
      "src/paraglide/",
      "test-results/",
      "node_modules/",
    ],
  },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...svelte.configs.recommended,
  ...svelte.configs.prettier,
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      "no-undef": "off",
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "svelte/no-at-html-tags": "error",
      "svelte/button-has-type": "error",
      "svelte/require-each-key": "error",
      // State that holds such a value is replaced whole, never changed in place.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: {
      parserOptions: {
        extraFileExtensions: [".svelte"],
        parser: ts.parser,
        svelteConfig,
      },
    },
  },
  { files: ["src/**"], rules: restrict(noTauri, noMock) },
  { files: ["src/components/**", "src/lib/**"], rules: restrict(noTauri, noMock, noPage) },
  { files: ["src/host/**"], rules: restrict(noPage) },
  ...areas.map((area) => ({
    files: [`src/pages/${area}/**`],
    rules: restrict(noTauri, noMock, {
      group: areas.filter((other) => other !== area).map((other) => `**/${other}/*`),
      message: "A page knows no other page.",
    }),
  })),
  { files: ["**/*.test.ts", "src/test-setup.ts"], rules: restrict(noTauri) },
  {
    files: ["*.js", "*.ts", "e2e/**", "hosted/**"],
    languageOptions: { globals: { ...globals.node } },
  },
);
