import { isNetwork } from "../../lib/network";
import type * as t from "../host";
import type { Host } from "../host";
import type { Policy } from "./deciding";

type Texts = Pick<
  Host,
  "readNetworks" | "previewPolicyImport" | "policyText" | "choosePolicyPath" | "writePolicy"
>;

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string) => t.Problem;
  policy: () => Policy;
}

/** What is pasted, imported and exported. */
export function policyTexts({ read, problem, policy }: Needs): Texts {
  return {
    readNetworks: (text) => read(() => networksIn(text)),
    previewPolicyImport: (text, part) => read(() => preview(text, part)),
    policyText: (wanted) => read(() => written(wanted, policy())),
    choosePolicyPath: (part, format) =>
      Promise.resolve(`/home/olga/Downloads/mailcup-${part}.${format}`),
    writePolicy: (path) =>
      read(() => {
        if (path.includes("nowhere"))
          throw problem("storage_full", `${path} can't be written: no space is left.`);
        return null;
      }),
  };
}

export function networksIn(text: string): t.ReadNetworks {
  const networks: string[] = [];
  const bad: t.BadNetwork[] = [];
  let repeated = 0;
  for (const [index, line] of text.split("\n").entries())
    for (const entry of line.replace(/#.*/, "").split(/[\s,;]+/)) {
      if (entry === "") continue;
      if (!isNetwork(entry))
        bad.push({ line: index + 1, text: entry.slice(0, 64), fault: faultOf(entry) });
      else if (networks.includes(entry)) repeated += 1;
      else networks.push(entry);
    }
  return { networks, repeated, bad: bad.length, bad_lines: bad.slice(0, 100) };
}

function faultOf(entry: string): t.NetworkFault {
  const [address = "", prefix = ""] = entry.split("/");
  return isNetwork(address) && Number(prefix) > 32 ? "prefix_too_long" : "not_a_network";
}

function preview(text: string, part: t.PolicyPart): t.PolicyImport {
  const format = text.includes("[[") ? "toml" : "csv";
  const bad: t.BadPolicyLine[] = [];
  const networks: string[][] = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const found = format === "toml" ? /networks\s*=\s*\[(.*)\]/.exec(line)?.[1] : line;
    if (found === undefined || line.trim() === "" || (format === "csv" && index === 0)) continue;
    const entries = found.split(/[\s,;"]+/).filter((entry) => /[.:]\d/.test(entry));
    const wrong = entries.find((entry) => !isNetwork(entry));
    if (wrong)
      bad.push({ line: index + 1, field: "networks", fault: `“${wrong}” is not a network.` });
    else if (entries.length === 0)
      bad.push({ line: index + 1, field: null, fault: "This line names no network." });
    else networks.push(entries);
  }
  const rules: t.RuleEdit[] = networks.map((entries) => ({
    kind: "create",
    terms: {
      scope: { kind: "organization" },
      action: "allow",
      protocols: [],
      networks: entries,
      countries: [],
      schedule: null,
      expires_at: null,
      note: "",
      enabled: true,
      mode: "report_only",
    },
  }));
  const change: t.PolicyChange = {
    rules: part === "rules" ? rules : [],
    limits: [],
    known_networks: [],
    confirm_lock_out: false,
  };
  return {
    format,
    change,
    new: networks.length,
    known: 0,
    bad: bad.length,
    bad_lines: bad.slice(0, 100),
  };
}

function written({ format, of }: t.PolicyExport, { rules, limits }: Policy): string {
  const items = of === "rules" ? rules : limits;
  if (format === "csv")
    return [
      "scope,action,networks,mode",
      ...items.map(({ terms }) =>
        [
          terms.scope.kind,
          terms.action,
          "networks" in terms ? (terms.networks ?? []).join(" ") : "",
          terms.mode,
        ].join(","),
      ),
    ].join("\n");
  return items
    .map(
      ({ terms }) =>
        `[[${of === "rules" ? "rule" : "limit"}]]\n${Object.entries(terms)
          .filter(([, value]) => value !== null)
          .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
          .join("\n")}\n`,
    )
    .join("\n");
}
