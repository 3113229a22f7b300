import type { EventBody } from "$host/host";
import { m } from "$messages";
import { networkAround } from "$lib/network";
import { address, go } from "$lib/router.svelte";
import type { MenuItem } from "$components/Menu.svelte";

/** What can be made of an event: a rule or a limit, with its account and network filled in. */
export function ruleItemsOf(body: EventBody | undefined, disabled: boolean): MenuItem[] {
  if (body?.type !== "sign_in" && body?.type !== "submission") return [];
  const account = body.login ?? undefined;
  const network = body.address === null ? undefined : networkAround(body.address);
  const rule = (action: "allow" | "deny", label: string): MenuItem => ({
    label,
    icon: action === "allow" ? "check" : "block",
    hint: [account, network].filter(Boolean).join(", "),
    disabled,
    run: () => {
      go(address(["rules", "new"], { account, network, action }));
    },
  });
  const test: MenuItem = {
    label: m.activity_rules_test(),
    icon: "rules",
    run: () => {
      go(
        address(["rules", "tester"], {
          account,
          network: body.address ?? undefined,
          protocol: body.type === "sign_in" ? body.protocol : "submission",
        }),
      );
    },
  };
  return [
    ...(network
      ? [rule("allow", m.activity_rules_allow()), rule("deny", m.activity_rules_deny())]
      : []),
    ...(account
      ? [
          {
            label: m.activity_rules_limit(),
            icon: "limit" as const,
            hint: account,
            disabled,
            run: () => {
              go(address(["limits", "new"], { account }));
            },
          },
        ]
      : []),
    test,
  ];
}
