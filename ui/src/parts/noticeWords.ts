import { m } from "$messages";
import type { NoticeMode } from "$host/host";

export const noticeModes: readonly NoticeMode[] = ["every", "new_networks", "daily", "off"];

/** When an account's owner gets a mail about authorizations. */
export function noticeModeName(mode: NoticeMode): string {
  switch (mode) {
    case "every":
      return m.settings_notices_every();
    case "new_networks":
      return m.settings_notices_new_networks();
    case "daily":
      return m.settings_notices_daily();
    case "off":
      return m.settings_notices_off();
  }
}

export function noticeModeHint(mode: NoticeMode): string {
  switch (mode) {
    case "every":
      return m.settings_notices_every_hint();
    case "new_networks":
      return m.settings_notices_new_networks_hint();
    case "daily":
      return m.settings_notices_daily_hint();
    case "off":
      return m.settings_notices_off_hint();
  }
}
