import type { MailSettings, MailSettingsChange, RelaySecurity } from "$host/host";

export interface MailForm {
  from: string;
  way: "local" | "relay";
  host: string;
  port: string;
  security: RelaySecurity;
  username: string;
  /** Empty keeps the stored one. */
  password: string;
}

/** The port that goes with each kind of security. */
export const usualPort: Record<RelaySecurity, string> = {
  tls: "465",
  start_tls: "587",
  none: "25",
};

/** The form of settings, or of a draft of them. */
export function formOf(settings: MailSettings | MailSettingsChange): MailForm {
  const transport = "transport" in settings ? settings.transport : settings.relay;
  const relay = transport && "host" in transport ? transport : undefined;
  return {
    from: settings.from,
    way: relay ? "relay" : "local",
    host: relay?.host ?? "",
    port: String(relay?.port ?? usualPort.start_tls),
    security: relay?.security ?? "start_tls",
    username: relay?.username ?? "",
    password: "",
  };
}

export function changeOf(form: MailForm): MailSettingsChange {
  return {
    from: form.from.trim(),
    relay:
      form.way === "local"
        ? null
        : {
            host: form.host.trim(),
            port: Number(form.port),
            security: form.security,
            username: form.username.trim() || null,
            password: form.password || null,
          },
  };
}
