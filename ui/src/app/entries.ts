import { host } from "$host";
import type { Language, Theme, View } from "$host/host";
import { changePreferences } from "$host/preferences.svelte";
import { mayChange, show } from "$host/view.svelte";
import { m } from "$messages";
import type { IconName } from "$components/icons";
import { type Locale, languageNames } from "$lib/language.svelte";
import { address } from "$lib/router.svelte";
import { pages } from "./pages";
import type { Entry } from "./palette";

const settings: [part: string, name: () => string, also?: string | (() => string)][] = [
  ["notifications", () => m.app_settings_notifications()],
  ["lock", () => m.app_settings_lock()],
  ["appearance", () => m.app_settings_appearance()],
  ["mail", () => m.app_settings_mail(), "SMTP relay outbox"],
  ["notices", () => m.app_settings_notices()],
  ["factors", () => m.app_settings_factors(), "TOTP authenticator password 2FA"],
  ["servers", () => m.app_settings_servers(), "Dovecot Postfix"],
  ["services", () => m.services_title(), () => m.app_settings_services_also()],
  ["about", () => m.app_settings_about()],
];
const themes: [theme: Theme, label: () => string, icon: IconName][] = [
  ["system", () => m.app_do_theme_system(), "computer"],
  ["light", () => m.app_do_theme_light(), "sun"],
  ["dark", () => m.app_do_theme_dark(), "moon"],
];

interface Doing {
  /** Does it, and says so if it fails. */
  attempt: (action: () => Promise<unknown>) => void;
  showKeys: () => void;
}

/** Where one can go and what one can do from every page. */
export function everywhere(view: View | undefined, { attempt, showKeys }: Doing): Entry[] {
  const doing = (
    id: string,
    label: string,
    icon: IconName,
    action: () => Promise<unknown>,
    also?: string,
  ): Entry => ({
    id,
    label,
    group: m.app_palette_do(),
    icon,
    ...(also ? { also } : {}),
    act: () => {
      attempt(action);
    },
  });
  return [
    ...pages
      .filter(({ when }) => when?.() ?? true)
      .map(({ address: at, name, icon, key }) => ({
        id: `page ${at}`,
        label: name(),
        group: m.app_palette_go_to(),
        icon,
        keys: `g ${key}`,
        act: address([at]),
      })),
    ...(mayChange()
      ? [
          {
            id: "block",
            label: m.app_do_block(),
            group: m.app_palette_do(),
            icon: "block" as const,
            act: "#/blocks/new",
          },
          {
            id: "rule",
            label: m.app_do_rule(),
            group: m.app_palette_do(),
            icon: "rules" as const,
            act: "#/rules/new",
          },
          {
            id: "limit",
            label: m.app_do_limit(),
            group: m.app_palette_do(),
            icon: "limit" as const,
            act: "#/limits/new",
          },
        ]
      : []),
    ...(
      [
        ["search", m.backups_key_search(), "search"],
        ["snapshots", m.backups_key_snapshots(), "backup"],
        ["copy", m.backups_section_copy(), "computer"],
      ] as const
    ).map(([section, label, icon]) => ({
      id: `backups ${section}`,
      label,
      group: m.app_palette_go_to(),
      icon,
      also: m.backups_page(),
      act: address(["backups", section]),
    })),
    view?.paused_until
      ? doing("resume", m.app_do_resume(), "bell", () =>
          host.pauseNotifications({ kind: "resume" }),
        )
      : doing("pause", m.app_do_pause(), "pause", () =>
          host.pauseNotifications({ kind: "for_minutes", minutes: 60 }),
        ),
    ...(view?.services ?? [])
      .filter(({ id }) => id !== view?.service?.id)
      .map(({ id, name }) =>
        doing(`service ${id}`, m.services_switch_to({ name }), "server", () => show(id, "/")),
      ),
    ...(view?.can_lock ? [doing("lock", m.app_do_lock(), "lock", () => host.lock())] : []),
    ...themes.map(([theme, label, icon]) =>
      doing(`theme ${theme}`, label(), icon, () => changePreferences({ theme }), "theme"),
    ),
    ...(Object.entries(languageNames) as [Locale & Language, string][]).map(([language, name]) =>
      doing(
        `language ${language}`,
        m.app_do_language({ name }),
        "globe",
        () => changePreferences({ language }),
        // Found also by those who can't read the window.
        "language Sprache мова",
      ),
    ),
    doing("sign out", m.app_do_sign_out(), "unlock", () => host.signOut()),
    ...settings.map(([part, name, also]) => ({
      id: `settings ${part}`,
      label: name(),
      group: m.app_page_settings(),
      icon: "settings" as const,
      ...(also ? { also: typeof also === "string" ? also : also() } : {}),
      act: address(["settings", part]),
    })),
    {
      id: "keys",
      label: m.app_keys(),
      group: m.app_palette_help(),
      icon: "info",
      keys: "?",
      act: showKeys,
    },
  ];
}
