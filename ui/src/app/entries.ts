import { host } from "$host";
import type { Theme, View } from "$host/host";
import { changePreferences } from "$host/preferences.svelte";
import { mayChange } from "$host/view.svelte";
import type { IconName } from "$components/icons";
import { address } from "$lib/router.svelte";
import { pages } from "./pages";
import type { Entry } from "./palette";

const settings = [
  ["notifications", "Notifications"],
  ["lock", "Lock"],
  ["appearance", "Appearance"],
  ["mail", "Mail"],
  ["factors", "My sign-in"],
  ["servers", "Mail servers"],
  ["about", "About"],
] as const;
const themes: [theme: Theme, label: string, icon: IconName][] = [
  ["system", "Look as the system does", "computer"],
  ["light", "Light theme", "sun"],
  ["dark", "Dark theme", "moon"],
];

interface Doing {
  /** Does it, and says so if it fails. */
  attempt: (action: () => Promise<unknown>) => void;
  showKeys: () => void;
}

/** Where one can go and what one can do from every page. */
export function everywhere(view: View | undefined, { attempt, showKeys }: Doing): Entry[] {
  const doing = (label: string, icon: IconName, action: () => Promise<unknown>): Entry => ({
    label,
    group: "Do",
    icon,
    act: () => {
      attempt(action);
    },
  });
  return [
    ...pages.map(({ address: at, name, icon }) => ({
      label: name(),
      group: "Go to",
      icon,
      act: address([at]),
    })),
    ...settings.map(([part, label]) => ({
      label,
      group: "Settings",
      icon: "settings" as const,
      act: address(["settings", part]),
    })),
    ...(mayChange()
      ? [{ label: "Block someone", group: "Do", icon: "block" as const, act: "#/blocks/new" }]
      : []),
    view?.paused_until
      ? doing("Resume notifications", "bell", () => host.pauseNotifications({ kind: "resume" }))
      : doing("Pause notifications for 1 hour", "pause", () =>
          host.pauseNotifications({ kind: "for_minutes", minutes: 60 }),
        ),
    ...(view?.can_lock ? [doing("Lock now", "lock", () => host.lock())] : []),
    ...themes.map(([theme, label, icon]) => doing(label, icon, () => changePreferences({ theme }))),
    { label: "Keys of this page", group: "Help", icon: "info", act: showKeys },
  ];
}
