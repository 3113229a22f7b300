import { parse } from "svelte/compiler";
import ts from "typescript";
import { expect, it } from "vitest";

/** Words belong into message files: this finds those that stand in the pages themselves. */
const sources = import.meta.glob<string>(
  [
    "../**/*.{ts,svelte}",
    "!../**/*.test.ts",
    "!../test-setup.ts",
    "!../paraglide/**",
    "!../generated/**",
    "!../gallery/**",
    "!../host/mock.ts",
    "!../host/mock/**",
  ],
  { eager: true, query: "?raw", import: "default" },
);

/** Names, and what is typed or read by a machine: the same in every language. */
const allowed = [
  /^(MailCup|Dovecot|Postfix|Sieve|English|Deutsch|Українська|Space|Ctrl|Esc|Escape|Enter|Backspace|Home|End|Delete|Tab|Shift)$/,
  /^(Maildir|mbox|EML)$/,
  /^(API|IMAP|POP3|SMTP|TLS|STARTTLS|URL|UTC|CSV|TOML|AS|JSON Lines)$/,
  /^(STARTTLS|TLS) \(\d+\)$/,
  /^mailcupd [a-z ]+$/,
  // Commands and files of a server.
  /^(sudo|\/etc\/)/,
  // Policies, styles and markup of the frame that shows mail.
  /^default-src /,
  /^[a-z-]+:[^;]+(;[a-z-]+:[^;]+)*$/,
  /^<[!/a-z]/,
  /^\d+[mhd](, \d+[mhd])*$/,
  /^[\w.-]+@[\w.-]+$/,
  /^\w+:\S+ \w+:\S/,
  // What the palette is searched by, in any language, and a name of its own.
  /^(SMTP relay outbox|TOTP authenticator password 2FA|Dovecot Postfix|language Sprache мова)$/,
  /^sign out$/,
  /^https?:\/\//,
  /^([a-z0-9-]+\.)+(org|net|com)(, ([a-z0-9-]+\.)+(org|net|com))*$/,
];

const isAllowed = (text: string) => allowed.some((pattern) => pattern.test(text));

/** A sentence, or a word that begins like one. */
const words = (text: string) =>
  (/\p{L}\p{L} +\p{L}/u.test(text) || /^\p{Lu}\p{Ll}+\W*$/u.test(text.trim())) &&
  !isAllowed(text.trim());

/** Attributes whose text is always words, and those where it never is. */
const worded = /^(label|title|text|hint|header|word|status|alt|placeholder|back|aria-label)$/;
const wordless = /^(class|style|href|id|for|name|type|key|role|autocomplete|inputmode|d|viewBox)$/;

interface Node {
  type: string;
  [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value;

function inTemplate(node: Node, found: string[], attribute?: string) {
  const within = node.type === "Attribute" ? String(node.name) : attribute;
  if (within !== undefined && wordless.test(within)) return;
  if (node.type === "RegularElement" && node.name === "code") return;
  if (node.type === "StyleDirective" || node.type === "ClassDirective") return;
  if (node.type === "Text") {
    const text = String(node.data).trim();
    const always = within === undefined || worded.test(within);
    if (always ? /\p{L}/u.test(text) && !isAllowed(text) : words(text)) found.push(text);
    return;
  }
  if (node.type === "Literal" && typeof node.value === "string" && words(node.value))
    found.push(node.value);
  if (node.type === "TemplateElement") {
    const { cooked } = node.value as { cooked: string };
    if (words(cooked)) found.push(cooked);
  }
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (isNode(child)) inTemplate(child, found, within);
}

const called = (call: ts.CallExpression) => call.expression.getText();

function inScript(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    // Whoever reads these reads the source.
    if (ts.isNewExpression(node) && node.expression.getText() === "Error") return;
    if (ts.isCallExpression(node) && /(querySelector(All)?|closest|matches)$/.test(called(node)))
      return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node))
      if (words(node.text)) found.push(node.text);
    if (ts.isTemplateTail(node) && words(node.text)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("source.ts", source, ts.ScriptTarget.ES2022, true));
  return found;
}

function literals(path: string, source: string): string[] {
  if (!path.endsWith(".svelte")) return inScript(source);
  const { fragment, instance, module } = parse(source, { modern: true });
  const found: string[] = [];
  inTemplate(fragment as unknown as Node, found);
  for (const script of [instance, module])
    if (script) {
      const { start, end } = script.content as unknown as { start: number; end: number };
      found.push(...inScript(source.slice(start, end)));
    }
  return found;
}

it("finds words wherever they stand", () => {
  const page = `<script lang="ts">const label = "Sign in"; const kind: "Sign in" = load("a-b");</script>
    <p class="soft faint">Hello</p><Field label="Name" hint={busy ? "Wait for it" : m.x()} />
    <code>postfix reload</code>{\`\${n} left over\`}`;
  expect(literals("x.svelte", page)).toEqual([
    "Hello",
    "Name",
    "Wait for it",
    " left over",
    "Sign in",
  ]);
});

it("no page says words of its own", () => {
  const found = Object.entries(sources)
    .map(([path, source]) => [path, literals(path, source)] as const)
    .filter(([, texts]) => texts.length > 0);
  expect(Object.fromEntries(found)).toEqual({});
}, 60_000);
