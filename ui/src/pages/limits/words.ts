import { m } from "$messages";
import type { LimitAction, LimitMeasure, LimitPer, LimitWindow } from "$host/host";

export function measureName(measure: LimitMeasure["kind"]): string {
  switch (measure) {
    case "recipients":
      return m.limits_measure_recipients();
    case "messages":
      return m.limits_measure_messages();
    case "recipients_per_message":
      return m.limits_measure_per_message();
  }
}

export function windowName(window: LimitWindow): string {
  switch (window) {
    case "minute":
      return m.limits_window_minute();
    case "hour":
      return m.limits_window_hour();
    case "day":
      return m.limits_window_day();
  }
}

export function perName(per: LimitPer): string {
  switch (per) {
    case "account":
      return m.limits_per_account();
    case "account_and_address":
      return m.limits_per_account_and_address();
    case "address":
      return m.limits_per_address();
    case "organization":
      return m.limits_per_organization();
  }
}

export function limitActionName(action: LimitAction): string {
  switch (action) {
    case "reject":
      return m.limits_action_reject();
    case "defer":
      return m.limits_action_defer();
    case "hold":
      return m.limits_action_hold();
  }
}

export function limitActionHint(action: LimitAction): string {
  switch (action) {
    case "reject":
      return m.limits_action_hint_reject();
    case "defer":
      return m.limits_action_hint_defer();
    case "hold":
      return m.limits_action_hint_hold();
  }
}
