import { m } from "$messages";
import type { ColumnName } from "./columns";

export function columnName(name: ColumnName): string {
  switch (name) {
    case "time":
      return m.activity_column_time();
    case "outcome":
      return m.activity_column_outcome();
    case "account":
      return m.activity_column_account();
    case "address":
      return m.activity_column_address();
    case "protocol":
      return m.activity_column_protocol();
    case "reason":
      return m.activity_column_reason();
    case "device":
      return m.activity_column_device();
    case "server":
      return m.activity_column_server();
    case "number":
      return m.activity_column_number();
  }
}
